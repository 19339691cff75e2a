//! Whether weights from a file fit a network.

use std::collections::HashSet;

use laptime_workload::{InitialWeights, escaped};

use crate::{print::shape_text, program::Program, tensor::Role};

/// How given weights do not fit the Program of a network: a line for each tensor that is missing, of another
/// shape or type, not finite, or not the network's; none where they fit.
pub fn misfits(program: &Program, weights: &InitialWeights) -> Vec<String> {
    let mut found = Vec::new();
    let mut names = HashSet::new();
    let persistent = program.persistent().map(|(_, tensor)| tensor);
    let wanted = persistent.filter(|tensor| !matches!(tensor.role, Role::Moment { .. }));
    for tensor in wanted {
        let name = &tensor.name;
        names.insert(name);
        let shape = shape_text(&tensor.shape);
        match (weights.tensors.get(name), weights.of_other_types.get(name)) {
            (Some(given), _) if given.shape != tensor.shape => found.push(format!(
                "{name} is {} in the file, and {shape} in the network",
                shape_text(&given.shape)
            )),
            (Some(given), _) => {
                if let Some(value) = given.values.iter().find(|value| !value.is_finite()) {
                    found.push(format!("{name} has the value {value}"));
                }
            }
            (None, Some(dtype)) => found.push(format!("{name} is {dtype} in the file, not F32")),
            (None, None) => found.push(format!("{name}, of shape {shape}, is not in the file")),
        }
    }
    let given = weights.tensors.keys().chain(weights.of_other_types.keys());
    let foreign = given.filter(|name| !names.contains(name));
    found.extend(foreign.map(|name| format!("{} is not in the network", escaped(name))));
    found
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use laptime_workload::{Builtin, Overrides, Workload, weights::WeightTensor};

    use super::*;
    use crate::{Mode, State, build};

    fn fashion_mnist() -> Workload {
        let builtin = Builtin::find("fashion-mnist").expect("built in");
        let workload = builtin.spec().resolve(&Overrides::default());
        workload.expect("resolves")
    }

    fn weights_of(state: &State) -> InitialWeights {
        let tensors = state.tensors.iter().map(|tensor| {
            let given = WeightTensor {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                values: tensor.values.iter().map(|value| *value as f32).collect(),
            };
            (tensor.name.clone(), given)
        });
        InitialWeights {
            path: PathBuf::new(),
            digest: String::new(),
            tensors: tensors.collect(),
            of_other_types: Default::default(),
        }
    }

    #[test]
    fn all_that_does_not_fit_is_told() {
        let workload = fashion_mnist();
        let evaluation = build(&workload, Mode::Evaluation, 1);
        let mut weights = weights_of(&State::initial(&evaluation, 3));
        assert_eq!(misfits(&evaluation, &weights), [""; 0]);
        // Moments are no weights.
        let training = build(&workload, Mode::Training, 1);
        assert_eq!(misfits(&training, &weights), [""; 0]);
        weights.tensors.remove("fc1.bias");
        weights.tensors.get_mut("fc1.weight").unwrap().shape = vec![784, 128];
        weights.tensors.get_mut("fc2.bias").unwrap().values[3] = f32::NAN;
        let moved = weights.tensors.remove("fc2.weight").unwrap();
        weights.tensors.insert("head.weight".into(), moved);
        let other = ("fc2.weight".into(), "BF16".into());
        weights.of_other_types.extend([other]);
        assert_eq!(
            misfits(&training, &weights),
            [
                "fc1.weight is (784, 128) in the file, and (128, 784) in the network",
                "fc1.bias, of shape (128), is not in the file",
                "fc2.weight is BF16 in the file, not F32",
                "fc2.bias has the value NaN",
                "head.weight is not in the network",
            ]
        );
    }

    #[test]
    fn training_starts_from_given_weights_and_from_moments_of_zero() {
        let mut workload = fashion_mnist();
        let evaluation = build(&workload, Mode::Evaluation, 1);
        let training = build(&workload, Mode::Training, 1);
        let drawn = State::start(&training, &workload);
        assert_eq!(drawn, State::initial(&training, workload.seed));
        let other = State::initial(&evaluation, workload.seed + 1);
        workload.initial_weights = Some(weights_of(&other).into());
        let start = State::start(&training, &workload);
        for tensor in &start.tensors {
            let given = other.tensor(&tensor.name).map(|given| &given.values);
            match given {
                Some(values) => assert_eq!(&tensor.values, values, "{}", tensor.name),
                None => assert!(tensor.values.iter().all(|value| *value == 0.0)),
            }
        }
        assert_ne!(start, drawn);
    }
}
