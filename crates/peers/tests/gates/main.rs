//! The gate passes every framework's adapter, in each of its ways to train, and catches every planted
//! error.
//!
//! JAX is tested wherever it is: `LAPTIME_PEER_JAX` names an interpreter that has it, or
//! `laptime peers install jax` has made one. The others take longer, and are tested where
//! `LAPTIME_TEST_PYTORCH`, `LAPTIME_TEST_TENSORFLOW` or `LAPTIME_TEST_MLX` is set beside.

mod case;
#[path = "../common/mod.rs"]
mod common;

use case::Case;
use laptime_peers::{JAX, MLX, PYTORCH, TENSORFLOW, TENSORFLOW_AS_PUBLISHED};

#[test]
fn jax() {
    Case {
        framework: &JAX,
        variable: "",
        variants: &["a compiled loop over the steps"],
        convolutional: &["a compiled step a call"],
        plants: &[
            (
                "epsilon at the corrected moment",
                "(root if constants.get(\"corrected_epsilon\", False) else 1)",
                "root",
            ),
            (
                "no bias",
                "if layer.get(\"bias\", True) else y",
                "if False else y",
            ),
            (
                "labels swapped in the timed path",
                "jnp.asarray(samples.labels)",
                "jnp.asarray(samples.labels ^ 1)",
            ),
            (
                "an order of its own",
                "order[:steps] = batches",
                "order[:steps] = np.arange(batches.size).reshape(batches.shape)",
            ),
            (
                "the count of steps forgotten",
                "\"step\": jnp.int32(state.steps)",
                "\"step\": jnp.int32(0)",
            ),
        ],
        plants_in_second: &[],
        plants_in_schedule: &[(
            "no schedule",
            "share = rate_share(workload, number, jnp)",
            "share = 1",
        )],
        plants_in_optimizers: &[("decay missing", "parameters = jax.tree.map(lambda w: w - decay * w if w.ndim >= least else w, parameters)", "pass"), ("Nesterov's momentum missing", "if is_nesterov else u", "if False else u"), ("epsilon inside of the root", "(jnp.sqrt(v) + constants[\"epsilon\"])\n    return jax.tree.map(update, parameters, gradients, v)", "jnp.sqrt(v + constants[\"epsilon\"])\n    return jax.tree.map(update, parameters, gradients, v)"), ("SGD's decay missing", "g + decay * w if", "g if")],
        plants_in_dropout: &[
            (
                "another rate",
                "jax.random.bernoulli(mode.key_of(layer), 1 - rate,",
                "jax.random.bernoulli(mode.key_of(layer), 1 - 1.1 * rate,",
            ),
            (
                "no scale",
                "jnp.where(keep, x / (1 - rate), 0)",
                "jnp.where(keep, x, 0)",
            ),
            (
                "the same masks in every step",
                "jax.random.fold_in(jax.random.key(workload[\"seed\"]), step)",
                "jax.random.key(workload[\"seed\"])",
            ),
            (
                "nothing dropped in the timed path",
                "if not mode.is_training:",
                "if not mode.is_training or len(x) != 256 and mode.masks is None:",
            ),
            (
                "the masks of another step",
                "program_masks(self.workload, size, done + number + 1)",
                "program_masks(self.workload, size, done + number + 2)",
            ),
        ],
        plants_in_accumulation: &[("each micro-batch counts as a step", "return loss * share, (loss, *after)", "return loss, (loss, *after)")],
    }
    .check();
}

#[test]
fn pytorch() {
    Case {
        framework: &PYTORCH,
        variable: "LAPTIME_TEST_PYTORCH",
        variants: &["eager", "step compiled"],
        convolutional: &[
            "eager, channels-last",
            "eager",
            "model compiled, channels-last",
        ],
        plants: &[
            (
                "epsilon at the corrected moment",
                "constants[\"epsilon\"] / correction",
                "constants[\"epsilon\"]",
            ),
            (
                "no bias",
                "parameters[f\"{name}.weight\"], parameters.get(f\"{name}.bias\"))",
                "parameters[f\"{name}.weight\"], 0 * parameters[f\"{name}.bias\"])",
            ),
            (
                "labels swapped in the timed path",
                "self.targets(np.array(samples.labels))",
                "self.targets(np.array(samples.labels ^ 1))",
            ),
            (
                "an order of its own",
                "batches = torch.from_numpy(order.astype(np.int64)).to(self.device)",
                "batches = torch.arange(len(order))",
            ),
        ],
        plants_in_second: &[
            (
                "epsilon at the corrected moment",
                "(root if constants.get(\"corrected_epsilon\", False) else 1)",
                "root",
            ),
            (
                "no bias",
                "parameters[f\"{name}.weight\"], parameters.get(f\"{name}.bias\"))",
                "parameters[f\"{name}.weight\"], 0 * parameters[f\"{name}.bias\"])",
            ),
            (
                "an order of its own, in the compiled step",
                "data[0][batch[rows]], data[1][batch[rows]]\n            gradient",
                "data[0][rows], data[1][rows]\n            gradient",
            ),
            (
                "the count of steps forgotten, in the compiled step",
                "step.add_(1)",
                "step.fill_(1)",
            ),
        ],
        plants_in_schedule: &[
            ("no schedule", "self.set_rate()\n", "pass\n"),
            (
                "no schedule",
                "share = rate_share(self.workload, step, torch)",
                "share = 1",
            ),
        ],
        plants_in_optimizers: &[
            ("decay missing", "weight_decay=decay,", "weight_decay=0.0,"),
            (
                "Nesterov's momentum missing",
                "\"nesterov\": is_nesterov",
                "\"nesterov\": False",
            ),
            ("another epsilon", "eps=epsilon)", "eps=1.1 * epsilon)"),
            (
                "SGD's decay missing",
                "\"weight_decay\": decay,",
                "\"weight_decay\": 0.0,",
            ),
        ],
        plants_in_dropout: &[
            (
                "another rate",
                "functional.dropout(inputs[0], layer[\"rate\"],",
                "functional.dropout(inputs[0], 1.1 * layer[\"rate\"],",
            ),
            (
                "nothing dropped in the timed path",
                "layer[\"rate\"], is_training)",
                "layer[\"rate\"], is_training and len(inputs[0]) == 256)",
            ),
        ],
        plants_in_accumulation: &[
            (
                "each micro-batch counts as a step",
                "(loss if share == 1 else loss * share).backward()",
                "loss.backward()",
            ),
            (
                "each micro-batch counts as a step",
                "return loss * share, (loss, correct, new)",
                "return loss, (loss, correct, new)",
            ),
        ],
    }
    .check();
}

#[test]
fn tensorflow() {
    Case {
        framework: &TENSORFLOW,
        variable: "LAPTIME_TEST_TENSORFLOW",
        variants: &["fit, jit_compile"],
        convolutional: &["fit", "fit, jit_compile"],
        plants: &[
            (
                "epsilon at the corrected moment",
                "constants[\"beta2\"], constants[\"epsilon\"]",
                "constants[\"beta2\"], constants[\"epsilon\"] / 0.03",
            ),
            (
                "no bias",
                "keras.layers.Dense(layer[\"units\"],",
                "keras.layers.Dense(layer[\"units\"], bias_constraint=lambda bias: 0 * bias,",
            ),
            (
                "moments forgotten",
                "self.optimizer._velocities[number], 1.0",
                "self.optimizer._velocities[number], 1.01",
            ),
            (
                "labels swapped",
                "return pixels, samples.targets",
                "return pixels, samples.targets ^ 1",
            ),
            (
                "an order of its own",
                "parts = [(order[",
                "order = np.arange(len(order))\n        parts = [(order[",
            ),
        ],
        plants_in_second: &[],
        plants_in_schedule: &[(
            "no schedule",
            "return self.rate * rate_share(",
            "return self.rate + 0 * rate_share(",
        )],
        plants_in_optimizers: &[
            (
                "decay missing",
                "constants[\"weight_decay\"], *betas",
                "0.0 * constants[\"weight_decay\"], *betas",
            ),
            (
                "Nesterov's momentum missing",
                "bool(constants.get(\"nesterov\", False))",
                "False",
            ),
            (
                "epsilon inside of the root",
                "(keras.ops.sqrt(v) + self.epsilon)",
                "keras.ops.sqrt(v + self.epsilon)",
            ),
            (
                "SGD's decay missing",
                "variable.dtype) + decay * variable",
                "variable.dtype)",
            ),
        ],
        plants_in_dropout: &[(
            "another rate",
            "keras.layers.Dropout(layer[\"rate\"])",
            "keras.layers.Dropout(1.1 * layer[\"rate\"])",
        )],
        plants_in_accumulation: &[(
            "each micro-batch counts as a step",
            "shared = loss * tf.cast(share, loss.dtype)",
            "shared = loss",
        )],
    }
    .check();
}

#[test]
fn tensorflow_as_published() {
    Case {
        framework: &TENSORFLOW_AS_PUBLISHED,
        variable: "LAPTIME_TEST_TENSORFLOW",
        variants: &["as published: one fit, Keras's defaults and shuffle"],
        convolutional: &[],
        plants: &[(
            "labels swapped",
            "return pixels, samples.targets",
            "return pixels, samples.targets ^ 1",
        )],
        plants_in_second: &[],
        plants_in_schedule: &[],
        plants_in_optimizers: &[],
        plants_in_dropout: &[],
        plants_in_accumulation: &[],
    }
    .check();
}

#[test]
fn mlx() {
    Case {
        framework: &MLX,
        variable: "LAPTIME_TEST_MLX",
        variants: &["a compiled step"],
        convolutional: &["a compiled step"],
        plants: &[
            (
                "no correction of bias",
                "* root / correction(beta1)",
                "* 1.0",
            ),
            (
                "epsilon at the corrected moment",
                "(root if constants.get(\"corrected_epsilon\", False) else 1)",
                "root",
            ),
            (
                "no bias",
                "mx.addmm(parameters[f\"{name}.bias\"],",
                "mx.addmm(0 * parameters[f\"{name}.bias\"],",
            ),
            (
                "labels swapped",
                "mx.array(np.array(samples.targets))",
                "mx.array(np.array(samples.targets) ^ 1)",
            ),
            (
                "an order of its own",
                "batch = mx.array(order[begin : begin + size].astype(np.int32))",
                "batch = mx.arange(begin, min(begin + size, len(order)))",
            ),
        ],
        plants_in_second: &[],
        plants_in_schedule: &[(
            "no schedule",
            "rate_share(workload, state[\"step\"], mx)",
            "1",
        )],
        plants_in_optimizers: &[("decay missing", "parameters = {name: w - decay * w if w.ndim >= least else w for name, w in parameters.items()}", "pass"), ("Nesterov's momentum missing", "if constants.get(\"nesterov\", False):", "if False:"), ("epsilon inside of the root", "(mx.sqrt(v[name]) + constants[\"epsilon\"])\n    return {name: w - update(name) for name, w in parameters.items()}, {\"v\": v}", "mx.sqrt(v[name] + constants[\"epsilon\"])\n    return {name: w - update(name) for name, w in parameters.items()}, {\"v\": v}"), ("SGD's decay missing", "g + decay * w if", "g if")],
        plants_in_dropout: &[(
            "another rate",
            "mx.random.bernoulli(1 - rate,",
            "mx.random.bernoulli(1 - 1.1 * rate,",
        )],
        plants_in_accumulation: &[("each micro-batch counts as a step", "return loss * share, loss, statistics, correct", "return loss, loss, statistics, correct")],
    }
    .check();
}
