use laptime_graph::Sgd;

use super::update::Update;
use crate::shader::number;

impl Update for Sgd {
    fn update(&self, gradient: &str, places: &[String]) -> String {
        let [w, u] = places else {
            unreachable!("SGD has one moment")
        };
        format!(
            "{{ let u_after = {} * {u} + {gradient}; {u} = u_after; \
             {w} = {w} - step.rate * u_after; }}\n",
            number(self.momentum),
        )
    }
}
