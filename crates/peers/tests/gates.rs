//! The gate passes every framework's adapter, in each of its ways to train, and catches every planted
//! error.
//!
//! JAX is tested wherever it is: `LAPTIME_PEER_JAX` names an interpreter that has it, or
//! `laptime peers install jax` has made one. The others take longer, and are tested where
//! `LAPTIME_TEST_PYTORCH`, `LAPTIME_TEST_TENSORFLOW` or `LAPTIME_TEST_MLX` is set beside.

mod common;

use std::{env, sync::Arc};

use common::{autoencoder, cpu, every_layer, fashion_mnist, job, mlp};
use laptime_engine::{
    Engine, EngineError, Job,
    gate::{Verdict, verify, verify_against},
};
use laptime_peers::{
    Framework, JAX, MLX, PYTORCH, PeerEngine, TENSORFLOW, TENSORFLOW_AS_PUBLISHED, is_available,
};
use laptime_workload::{
    Adam, AdamW, AmsGrad, LayerKind, Optimizer, RateSchedule, RmsProp, Sgd, Workload,
};

/// An error to plant: its name, a text in the adapter and what to put in its place.
type Plant = (&'static str, &'static str, &'static str);

/// Those beside Adam: AdamW, Nesterov's momentum and RMSprop; AdamW as PyTorch's users have it, and AMSGrad.
fn optimizers() -> [Optimizer; 5] {
    let adam = Adam {
        learning_rate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        corrected_epsilon: false,
    };
    let corrected = Adam {
        epsilon: 1e-5,
        corrected_epsilon: true,
        ..adam
    };
    let adamw = AdamW {
        adam,
        weight_decay: 0.1,
        weights_only: false,
    };
    [
        Optimizer::AdamW(adamw),
        Optimizer::Sgd(Sgd {
            learning_rate: 0.05,
            momentum: 0.9,
            nesterov: true,
        }),
        Optimizer::RmsProp(RmsProp {
            learning_rate: 1e-3,
            alpha: 0.99,
            epsilon: 1e-3,
        }),
        Optimizer::AdamW(AdamW {
            adam: corrected,
            weights_only: true,
            ..adamw
        }),
        Optimizer::AmsGrad(AmsGrad { adam: corrected }),
    ]
}

/// What is tested of a framework.
struct Case {
    framework: &'static Framework,
    /// The variable that has it tested; empty where it always is.
    variable: &'static str,
    /// Its ways to train Fashion-MNIST; the first is the one that `plants` are planted in.
    variants: &'static [&'static str],
    /// Its ways to train a net of convolutions.
    convolutional: &'static [&'static str],
    plants: &'static [Plant],
    /// What is planted in the second.
    plants_in_second: &'static [Plant],
    /// What is planted in each way to train where the learning rate has a schedule.
    plants_in_schedule: &'static [Plant],
    /// What is planted in the first with each of the optimizers of [`optimizers`].
    plants_in_optimizers: &'static [Plant],
    /// What is planted in the first where the net has dropout.
    plants_in_dropout: &'static [Plant],
    /// What is planted in each way to train where gradients are added up over micro-batches.
    plants_in_accumulation: &'static [Plant],
}

impl Case {
    fn check(&self) {
        let Self { framework, .. } = *self;
        // Also where the framework is not here: an adapter changes, and what is planted in it must follow.
        for (name, right, _) in self.all_plants() {
            assert!(
                framework.adapter.contains(right),
                "{name}: {right} is gone from the adapter of {}",
                framework.title
            );
        }
        let is_asked_for = self.variable.is_empty() || env::var_os(self.variable).is_some();
        if !is_asked_for || !is_available(framework) {
            eprintln!(
                "skipped: {} is not installed or not asked for",
                framework.title
            );
            return;
        }
        let devices = PeerEngine::new(framework).devices();
        let last = devices.expect("it has devices").pop().expect("one of them");
        assert_eq!(last.kind, cpu().kind);
        // A last batch of fewer samples.
        let truth = job(fashion_mnist(), 32 * 3 + 5);
        self.is_verified(&truth, self.variants);
        let mut scheduled = fashion_mnist();
        scheduled.rate_schedule = Some(RateSchedule::Cosine {
            warmup_steps: 2,
            decay_steps: 9,
            final_share: 0.1,
        });
        scheduled.label_smoothing = 0.1;
        let scheduled = job(scheduled, 32 * 3 + 5);
        self.is_verified(&scheduled, self.variants);
        for (variant, plant) in self.variants.iter().zip(self.plants_in_schedule) {
            self.catches(plant, variant, &scheduled);
        }
        for (number, optimizer) in optimizers().into_iter().enumerate() {
            let mut workload = fashion_mnist();
            workload.optimizer = optimizer;
            let with_optimizer = job(workload, 32 * 3 + 5);
            self.is_verified(&with_optimizer, self.variants);
            if let Some(plant) = self.plants_in_optimizers.get(number) {
                self.catches(plant, self.variants[0], &with_optimizer);
            }
        }
        let mut clipped = fashion_mnist();
        clipped.global_clip_norm = Some(0.1);
        let clipped = job(clipped, 32 * 3 + 5);
        self.is_verified(&clipped, self.variants);
        self.catches_another(&clipped, "gradients are not clipped", |workload| {
            workload.global_clip_norm = None;
        });
        self.catches_another(&scheduled, "no label smoothing", |workload| {
            workload.label_smoothing = 0.0;
        });
        let autoencoder = job(autoencoder(), 64 * 3 + 5);
        self.is_verified(&autoencoder, self.variants);
        self.catches_another(&autoencoder, "pixels divided by 256", |workload| {
            workload.pixel_divisor = 256.0;
        });
        self.is_verified(&job(every_layer(), 16 * 3 + 5), self.convolutional);
        let with_dropout = job(mlp(), 64 * 3 + 5);
        self.is_verified(&with_dropout, self.variants);
        for plant in self.plants_in_dropout {
            self.catches(plant, self.variants[0], &with_dropout);
        }
        self.check_accumulation();
        self.catches_another(&truth, "learning rate 1 % off", |workload| {
            let Optimizer::Adam(Adam { learning_rate, .. }) = &mut workload.optimizer else {
                panic!("it is Adam");
            };
            *learning_rate *= 1.01;
        });
        for plant in self.plants {
            self.catches(plant, self.variants[0], &truth);
        }
        for plant in self.plants_in_second {
            self.catches(plant, self.variants[1], &truth);
        }
    }

    fn all_plants(&self) -> impl Iterator<Item = &Plant> {
        let plants = [
            self.plants,
            self.plants_in_second,
            self.plants_in_schedule,
            self.plants_in_optimizers,
            self.plants_in_dropout,
            self.plants_in_accumulation,
        ];
        plants.into_iter().flatten()
    }

    /// Steps of several micro-batches: with dropout, whose masks are the step's, with batch norms, whose statistics
    /// are the micro-batch's, and with a last step that has fewer.
    fn check_accumulation(&self) {
        let in_micro_batches = |mut workload: Workload, micro_batch_size: usize| {
            workload.micro_batch_size = Some(micro_batch_size);
            workload
        };
        let mut clipped = in_micro_batches(mlp(), 24);
        if !self.framework.accumulates {
            let job = job(clipped, 64);
            let refused = PeerEngine::new(self.framework).compile(&job, &cpu());
            assert!(matches!(refused, Err(EngineError::Unsupported(_))));
            return;
        }
        clipped.global_clip_norm = Some(0.1);
        let clipped = job(clipped, 64 * 3 + 5);
        self.is_verified(&clipped, self.variants);
        for (variant, plant) in self.variants.iter().zip(self.plants_in_accumulation) {
            self.catches(plant, variant, &clipped);
        }
        let with_norms = job(in_micro_batches(every_layer(), 6), 16 * 3 + 5);
        self.is_verified(&with_norms, self.convolutional);
        let mut whole = Workload::clone(&with_norms.workload);
        whole.micro_batch_size = None;
        let whole = Job {
            workload: Arc::new(whole),
            ..with_norms.clone()
        };
        let engine = PeerEngine::new(self.framework).with_variant(self.convolutional[0]);
        let verdict = verify_against(&engine, &whole, &cpu(), &with_norms).expect("it runs");
        assert!(
            !verdict.is_verified(),
            "norms of the whole batch: {verdict}"
        );
    }

    fn is_verified(&self, truth: &Job, variants: &'static [&'static str]) {
        for variant in variants {
            let engine = PeerEngine::new(self.framework).with_variant(variant);
            let verdict = verify(&engine, truth, &cpu()).expect("it runs");
            let name = &truth.workload.name;
            let title = self.framework.title;
            eprintln!("{name}, {title}, {variant}: {verdict}");
            let Verdict::Verified { own_dropout, .. } = verdict else {
                panic!("{name}, {title}, {variant}: {verdict}");
            };
            let layers = &truth.workload.layers;
            let is_dropout = |kind: &LayerKind| matches!(kind, LayerKind::Dropout { .. });
            let has_dropout = layers.iter().any(|layer| is_dropout(&layer.kind));
            assert_eq!(own_dropout, has_dropout, "{name}, {title}, {variant}");
        }
    }

    fn catches_another(&self, truth: &Job, name: &str, plant: impl Fn(&mut Workload)) {
        let mut workload = Workload::clone(&truth.workload);
        plant(&mut workload);
        let planted = Job {
            workload: Arc::new(workload),
            ..truth.clone()
        };
        let engine = PeerEngine::new(self.framework).with_variant(self.variants[0]);
        let verdict = verify_against(&engine, &planted, &cpu(), truth).expect("it runs");
        let title = self.framework.title;
        assert!(!verdict.is_verified(), "{title}: {name}");
        eprintln!("{title}, {name}: {verdict}");
    }

    fn catches(&self, (name, right, wrong): &Plant, variant: &'static str, truth: &Job) {
        let Framework { title, adapter, .. } = self.framework;
        let planted = Framework {
            adapter: adapter.replace(right, wrong).leak(),
            ..self.framework.clone()
        };
        let engine = PeerEngine::new(Box::leak(Box::new(planted))).with_variant(variant);
        let verdict = verify(&engine, truth, &cpu());
        let verdict = verdict.unwrap_or_else(|error: EngineError| panic!("{name}: {error}"));
        assert!(!verdict.is_verified(), "{title}, {variant}: {name}");
        eprintln!("{title}, {variant}, {name}: {verdict}");
    }
}

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
        plants_in_optimizers: &[("decay missing", "parameters = jax.tree.map(lambda w: w - decay * w if w.ndim >= least else w, parameters)", "pass"), ("Nesterov's momentum missing", "if is_nesterov else u", "if False else u"), ("epsilon inside of the root", "(jnp.sqrt(v) + constants[\"epsilon\"])\n    return jax.tree.map(update, parameters, gradients, v)", "jnp.sqrt(v + constants[\"epsilon\"])\n    return jax.tree.map(update, parameters, gradients, v)")],
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
                "nesterov=is_nesterov",
                "nesterov=False",
            ),
            ("another epsilon", "eps=epsilon)", "eps=1.1 * epsilon)"),
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
        plants_in_optimizers: &[("decay missing", "parameters = {name: w - decay * w if w.ndim >= least else w for name, w in parameters.items()}", "pass"), ("Nesterov's momentum missing", "if constants.get(\"nesterov\", False):", "if False:"), ("epsilon inside of the root", "(mx.sqrt(v[name]) + constants[\"epsilon\"])\n    return {name: w - update(name) for name, w in parameters.items()}, {\"v\": v}", "mx.sqrt(v[name] + constants[\"epsilon\"])\n    return {name: w - update(name) for name, w in parameters.items()}, {\"v\": v}")],
        plants_in_dropout: &[(
            "another rate",
            "mx.random.bernoulli(1 - rate,",
            "mx.random.bernoulli(1 - 1.1 * rate,",
        )],
        plants_in_accumulation: &[("each micro-batch counts as a step", "return loss * share, loss, statistics, correct", "return loss, loss, statistics, correct")],
    }
    .check();
}
