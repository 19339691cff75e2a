use laptime_graph::Adam;

use super::update::Update;
use crate::shader::number;

impl Update for Adam {
    fn update(&self, gradient: &str, places: &[String]) -> String {
        let [w, m, v] = places else {
            unreachable!("Adam has two moments")
        };
        format!(
            "{{ let g = {gradient};\n\
             let m_before = {m}; let v_before = {v};\n\
             let m_after = m_before + {} * (g - m_before);\n\
             let v_after = v_before + {} * (g * g - v_before);\n\
             {m} = m_after; {v} = v_after;\n\
             {w} = {w} - step.rate * m_after / (sqrt(v_after) + {}); }}\n",
            number(1.0 - self.beta1),
            number(1.0 - self.beta2),
            number(self.epsilon),
        )
    }
}
