use laptime_graph::RmsProp;

use super::update::Update;
use crate::shader::number;

impl Update for RmsProp {
    fn update(&self, gradient: &str, places: &[String]) -> String {
        let [w, v] = places else {
            unreachable!("RMSprop has one moment")
        };
        format!(
            "{{ let g = {gradient};\n\
             let v_before = {v};\n\
             let v_after = v_before + {} * (g * g - v_before);\n\
             {v} = v_after;\n\
             {w} = {w} - step.step_size * g / (sqrt(v_after) + {}); }}\n",
            number(1.0 - self.alpha),
            number(self.epsilon),
        )
    }
}
