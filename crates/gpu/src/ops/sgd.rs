use laptime_graph::Sgd;

use super::update::Update;
use crate::shader::number;

impl Update for Sgd {
    fn update(&self, gradient: &str, places: &[String]) -> String {
        let [w, u] = places else {
            unreachable!("SGD has one moment")
        };
        let momentum = number(self.momentum);
        let decayed = self.weight_decay.map(|weight_decay| {
            let weight_decay = number(weight_decay);
            format!("let g = {gradient} + {weight_decay} * {w}; ")
        });
        let (decayed, gradient) = match &decayed {
            Some(decayed) => (decayed.as_str(), "g"),
            None => ("", gradient),
        };
        let direction = match self.nesterov {
            true => format!("({momentum} * u_after + {gradient})"),
            false => "u_after".into(),
        };
        format!(
            "{{ {decayed}let u_after = {momentum} * {u} + {gradient}; {u} = u_after; \
             {w} = {w} - step.step_size * {direction}; }}\n",
        )
    }
}
