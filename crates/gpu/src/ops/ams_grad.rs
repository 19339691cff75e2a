use laptime_graph::AmsGrad;

use super::update::Update;
use crate::shader::number;

impl Update for AmsGrad {
    fn update(&self, gradient: &str, places: &[String]) -> String {
        let [w, m, v, x] = places else {
            unreachable!("AMSGrad has three moments")
        };
        let epsilon = match self.adam.corrected_epsilon {
            true => "step.epsilon".to_owned(),
            false => number(self.adam.epsilon),
        };
        let decayed = match self.weight_decay {
            Some(_) => format!("({w} - step.decay * {w})"),
            None => w.clone(),
        };
        format!(
            "{{ let g = {gradient};\n\
             let m_before = {m}; let v_before = {v};\n\
             let m_after = m_before + {} * (g - m_before);\n\
             let v_after = v_before + {} * (g * g - v_before);\n\
             let x_after = max({x}, v_after);\n\
             {m} = m_after; {v} = v_after; {x} = x_after;\n\
             {w} = {decayed} - step.step_size * m_after / (sqrt(x_after) + {epsilon}); }}\n",
            number(1.0 - self.adam.beta1),
            number(1.0 - self.adam.beta2),
        )
    }
}
