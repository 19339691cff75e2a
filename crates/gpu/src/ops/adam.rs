use laptime_graph::{Adam, AdamW};

use super::update::Update;
use crate::shader::number;

impl Update for Adam {
    fn update(&self, gradient: &str, places: &[String]) -> String {
        adam(self, gradient, places, false)
    }
}

impl Update for AdamW {
    fn update(&self, gradient: &str, places: &[String]) -> String {
        adam(&self.adam, gradient, places, true)
    }
}

fn adam(op: &Adam, gradient: &str, places: &[String], decays: bool) -> String {
    let [w, m, v] = places else {
        unreachable!("Adam has two moments")
    };
    let decayed = match decays {
        true => format!("({w} - step.decay * {w})"),
        false => w.clone(),
    };
    let epsilon = match op.corrected_epsilon {
        true => "step.epsilon".to_owned(),
        false => number(op.epsilon),
    };
    format!(
        "{{ let g = {gradient};\n\
         let m_before = {m}; let v_before = {v};\n\
         let m_after = m_before + {} * (g - m_before);\n\
         let v_after = v_before + {} * (g * g - v_before);\n\
         {m} = m_after; {v} = v_after;\n\
         {w} = {decayed} - step.step_size * m_after / (sqrt(v_after) + {epsilon}); }}\n",
        number(1.0 - op.beta1),
        number(1.0 - op.beta2),
    )
}
