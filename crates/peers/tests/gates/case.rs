//! What is tested of every framework.

use std::{env, sync::Arc};

use super::common::{autoencoder, cpu, every_layer, fashion_mnist, job, mlp};
use laptime_engine::{
    Engine, EngineError, Job,
    gate::{Verdict, verify, verify_against},
};
use laptime_peers::{Framework, PeerEngine, is_available};
use laptime_workload::{
    Adam, AdamW, AmsGrad, LayerKind, Optimizer, RateSchedule, RmsProp, Sgd, Workload,
};

/// An error to plant: its name, a text in the adapter and what to put in its place.
pub type Plant = (&'static str, &'static str, &'static str);

/// Those beside Adam: AdamW, Nesterov's momentum and RMSprop; AdamW as PyTorch's users have it, and AMSGrad,
/// plain and with a decay in PyTorch's form and Keras's; SGD with a decay, of all and of weights alone.
fn optimizers() -> [Optimizer; 9] {
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
            weight_decay: None,
            weights_only: false,
        }),
        Optimizer::RmsProp(RmsProp {
            learning_rate: 1e-3,
            alpha: 0.99,
            epsilon: 1e-3,
        }),
        Optimizer::Sgd(Sgd {
            learning_rate: 0.05,
            momentum: 0.9,
            nesterov: false,
            weight_decay: Some(0.05),
            weights_only: true,
        }),
        Optimizer::AdamW(AdamW {
            adam: corrected,
            weights_only: true,
            ..adamw
        }),
        Optimizer::AmsGrad(AmsGrad {
            adam: corrected,
            weight_decay: None,
            weights_only: false,
        }),
        Optimizer::AmsGrad(AmsGrad {
            adam: corrected,
            weight_decay: Some(0.1),
            weights_only: true,
        }),
        Optimizer::AmsGrad(AmsGrad {
            adam,
            weight_decay: Some(0.1),
            weights_only: false,
        }),
        Optimizer::Sgd(Sgd {
            learning_rate: 0.05,
            momentum: 0.9,
            nesterov: true,
            weight_decay: Some(0.05),
            weights_only: false,
        }),
    ]
}

/// What is tested of a framework.
pub struct Case {
    pub framework: &'static Framework,
    /// The variable that has it tested; empty where it always is.
    pub variable: &'static str,
    /// Its ways to train Fashion-MNIST; the first is the one that `plants` are planted in.
    pub variants: &'static [&'static str],
    /// Its ways to train a net of convolutions.
    pub convolutional: &'static [&'static str],
    pub plants: &'static [Plant],
    /// What is planted in the second.
    pub plants_in_second: &'static [Plant],
    /// What is planted in each way to train where the learning rate has a schedule.
    pub plants_in_schedule: &'static [Plant],
    /// What is planted in the first with each of the optimizers of [`optimizers`].
    pub plants_in_optimizers: &'static [Plant],
    /// What is planted in the first where the net has dropout.
    pub plants_in_dropout: &'static [Plant],
    /// What is planted in each way to train where gradients are added up over micro-batches.
    pub plants_in_accumulation: &'static [Plant],
}

impl Case {
    pub fn check(&self) {
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
