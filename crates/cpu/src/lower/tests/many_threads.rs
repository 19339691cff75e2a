//! Mistakes planted into Schedules for 64 threads, where slices are cut into tiles, norms stand apart from what makes
//! their sums, and these lie behind images.

use laptime_graph::schedule::{Access, Buffer, Kernel, Part, Split};
use laptime_workload::Workload;

use super::*;

/// Convolutions with norms behind them, one of which reads what two have made, pools whose windows overlap and do not,
/// and dense layers.
const NET: &str = r#"
name = "many-threads"
layer = [
    { name = "c1", kind = "conv2d", filters = 20, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "max", kind = "max_pool", size = 3, stride = 2, padding = "same" },
    { name = "c2", kind = "conv2d", filters = 16, kernel = 1, stride = 1, padding = "valid", bias = false },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 20, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add", kind = "add", inputs = ["bn3", "max"] },
    { name = "relu3", kind = "relu" },
    { name = "avg", kind = "avg_pool", size = 2, stride = 2, padding = "same" },
    { name = "flat", kind = "flatten" },
    { name = "fc1", kind = "dense", units = 40 },
    { name = "relu4", kind = "relu" },
    { name = "fc2", kind = "dense", units = 10 },
]

[data]
dataset = "fashion-mnist"
pixel_divisor = 255

[training]
batch_size = 20
epochs = 1
shuffle = true
seed = 1
precision = "fp32"
loss = "softmax-cross-entropy"

[optimizer]
kind = "sgd"
learning_rate = 0.05
momentum = 0.9
"#;

fn on_64_threads(workload: &Workload) -> (Program, Schedule) {
    let program = build(workload, Mode::Training, workload.batch_size);
    let target = Target {
        isa: Isa::portable(),
        threads: 64,
    };
    let schedule = lower(&program, target, &Passes::All);
    (program, schedule)
}

fn net() -> (Program, Schedule) {
    let spec = Spec::parse(NET, "net.toml").unwrap();
    on_64_threads(&spec.resolve(&Overrides::default()).unwrap())
}

fn resnet50_on_64_threads(precision: Precision) -> (Program, Schedule) {
    let spec = Builtin::find("cifar10-resnet50").unwrap().spec();
    let mut workload = spec.resolve(&Overrides::default()).unwrap();
    workload.precision = precision;
    on_64_threads(&workload)
}

/// A sound Schedule, and what becomes of it.
struct Plants {
    program: Program,
    sound: Schedule,
    planted: usize,
    missed: Vec<String>,
}

impl Plants {
    fn new((program, sound): (Program, Schedule)) -> Self {
        assert_eq!(sound.check(&program), Ok(()));
        Self {
            program,
            sound,
            planted: 0,
            missed: Vec::new(),
        }
    }

    fn is_caught(&mut self, what: &str, plant: impl FnOnce(&mut Schedule)) {
        let mut schedule = self.sound.clone();
        plant(&mut schedule);
        self.planted += 1;
        if schedule.check(&self.program).is_ok() {
            self.missed.push(what.to_owned());
        }
    }

    /// So many mistakes were planted, and all of them caught.
    fn end(self, at_least: usize) {
        assert!(self.missed.is_empty(), "{:#?}", self.missed);
        assert!(self.planted >= at_least, "{} mistakes", self.planted);
    }

    /// In each kernel of the Schedule, with its stage, its place there and what it does.
    fn kernels(&self) -> Vec<(usize, usize, Kernel, String)> {
        let stages = self.sound.stages.iter().enumerate();
        let all = stages.flat_map(|(stage, of)| {
            let kernels = of.kernels.iter().enumerate();
            kernels.map(move |(place, kernel)| (stage, place, kernel.clone()))
        });
        let named = all.map(|(stage, place, kernel)| {
            let what = kernel.name(&self.program);
            (stage, place, kernel, what)
        });
        named.collect()
    }

    fn name(&self, access: &Access) -> String {
        self.program.tensor(access.tensor).name.clone()
    }
}

/// Other parts than this one, that are less or shared otherwise.
fn others(part: Part, of_others: &[Part]) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Part::Tile {
        axes,
        width,
        across,
        pieces,
    } = part
    {
        let tile = |pieces| Part::Tile {
            axes,
            width,
            across,
            pieces,
        };
        parts.extend([tile(pieces / 2), tile(pieces * 2), tile(pieces + 1)]);
        parts.extend([Part::Along { axes, width }, Part::First]);
    }
    if part == Part::Whole {
        parts.extend(of_others);
    }
    parts.retain(|one| *one != part && *one != Part::Own);
    parts.dedup();
    parts
}

#[test]
fn whatever_is_planted_into_a_net_of_tiles_is_caught() {
    let mut plants = Plants::new(net());
    for (number, stage) in plants.sound.stages.clone().iter().enumerate() {
        if stage.barrier {
            plants.is_caught(&format!("no barrier behind {number}"), |s| {
                s.stages[number].barrier = false;
            });
        }
        // How a share of its own is cut is a kernel's affair.
        let mut accesses = stage.kernels.iter().flat_map(|one| &one.accesses);
        let is_told = accesses.any(|one| !matches!(one.part, Part::Whole | Part::Own));
        if is_told && stage.kernels.iter().any(|one| one.split == Split::Slices) {
            for slices in [stage.slices - 1, stage.slices / 2] {
                plants.is_caught(&format!("{slices} slices in {number}"), |s| {
                    s.stages[number].slices = slices;
                });
            }
        }
    }
    for (stage, place, kernel, what) in plants.kernels() {
        plants.is_caught(&format!("{what} in {stage} is left out"), |s| {
            s.stages[stage].kernels.remove(place);
        });
        let tiles: Vec<Part> = kernel.accesses.iter().map(|one| one.part).collect();
        for (number, access) in kernel.accesses.iter().enumerate() {
            let name = plants.name(access);
            plants.is_caught(&format!("{what} in {stage} hides {name}"), |s| {
                s.stages[stage].kernels[place].accesses.remove(number);
            });
            if access.write {
                plants.is_caught(&format!("{what} in {stage} writes {name}"), |s| {
                    s.stages[stage].kernels[place].accesses[number].write = false;
                });
            }
            // From all of what it reads a kernel can make its one result in any tiles.
            let alone = tiles.iter().filter(|part| **part == access.part).count() == 1;
            if access.write && alone {
                continue;
            }
            for part in others(access.part, &tiles) {
                let what = format!("{what} in {stage} has {part:?} of {name}");
                plants.is_caught(&what, |s| {
                    s.stages[stage].kernels[place].accesses[number].part = part;
                });
            }
        }
    }
    plants.end(300);
}

/// The buffers that have sums behind their values.
fn with_sums(schedule: &Schedule) -> Vec<(usize, Buffer)> {
    let buffers = schedule.buffers.iter().cloned().enumerate();
    buffers.filter(|(_, one)| one.sums_bytes > 0).collect()
}

fn sums_are_caught(mut plants: Plants, step: usize) {
    let with_sums = with_sums(&plants.sound);
    for (number, buffer) in with_sums.iter().step_by(step) {
        let number = *number;
        let name = plants.program.tensor(buffer.tensor).name.clone();
        let short = buffer.sums_bytes - 64;
        plants.is_caught(&format!("no room for the sums of {name}"), |s| {
            let buffer = &mut s.buffers[number];
            buffer.bytes -= std::mem::take(&mut buffer.sums_bytes);
        });
        plants.is_caught(&format!("too little room for the sums of {name}"), |s| {
            s.buffers[number].bytes -= 64;
            s.buffers[number].sums_bytes = short;
        });
        plants.is_caught(&format!("sums of {name} in its values"), |s| {
            s.buffers[number].bytes -= buffer.sums_bytes;
        });
        // All that the kernel touches in tiles, in others, and as many slices: sound but for the sums.
        let kernels = plants.kernels().into_iter();
        let mut makers = kernels.filter(|(_, _, kernel, _)| {
            let mut accesses = kernel.accesses.iter();
            accesses.any(|one| one.write && one.tensor == buffer.tensor)
        });
        let (stage, place, ..) = makers.next().expect("it is made");
        plants.is_caught(&format!("other tiles where {name} is made"), |s| {
            for kernel in &mut s.stages[stage].kernels {
                for access in &mut kernel.accesses {
                    if let Part::Tile { pieces, .. } = &mut access.part {
                        *pieces *= 2;
                    }
                }
            }
            s.stages[stage].slices *= 2;
        });
        plants.is_caught(&format!("{name} is made by each thread"), |s| {
            s.stages[stage].kernels[place].split = Split::EachThread;
        });
        let neighbour = plants.sound.buffers.iter().position(|one| {
            one.arena == buffer.arena && one.offset_bytes == buffer.offset_bytes + buffer.bytes
        });
        if let Some(neighbour) = neighbour {
            let lives = |id| {
                let kernels = plants.kernels();
                let touches = kernels.iter().filter(|(_, _, kernel, _)| {
                    kernel.accesses.iter().any(|access| access.tensor == id)
                });
                let stages: Vec<usize> = touches.map(|(stage, ..)| *stage).collect();
                stages[0]..=stages[stages.len() - 1]
            };
            let (own, other) = (
                lives(buffer.tensor),
                lives(plants.sound.buffers[neighbour].tensor),
            );
            let is_read_later = own.contains(other.start()) && other.start() < own.end();
            if is_read_later {
                plants.is_caught(&format!("another tensor in the sums of {name}"), |s| {
                    s.buffers[neighbour].offset_bytes -= 64;
                });
            }
        }
    }
    // A buffer that has no sums gets room for some.
    let without = plants.sound.buffers.iter().position(|one| {
        one.sums_bytes == 0 && plants.program.tensor(one.tensor).is_images() && one.copies == 1
    });
    let without = without.expect("most have none");
    plants.is_caught("room for sums that nobody needs", |s| {
        s.buffers[without].sums_bytes = 64;
        s.buffers[without].bytes += 64;
    });
    plants.end(8);
}

#[test]
fn mistakes_planted_into_sums_behind_images_are_caught() {
    sums_are_caught(Plants::new(net()), 1);
}

/// Of ResNet50 some of the stages and buffers only: it has many.
#[test]
fn mistakes_planted_into_resnet50_on_64_threads_are_caught() {
    for precision in [Precision::Fp32, Precision::Bf16] {
        let mut plants = Plants::new(resnet50_on_64_threads(precision));
        let stages = plants.sound.stages.clone();
        for (number, stage) in stages.iter().enumerate().step_by(16) {
            if stage.barrier {
                plants.is_caught(&format!("no barrier behind {number}"), |s| {
                    s.stages[number].barrier = false;
                });
            }
        }
        for (stage, place, kernel, what) in plants.kernels().into_iter().step_by(24) {
            for (number, access) in kernel.accesses.iter().enumerate() {
                let name = plants.name(access);
                plants.is_caught(&format!("{what} in {stage} hides {name}"), |s| {
                    s.stages[stage].kernels[place].accesses.remove(number);
                });
            }
        }
        sums_are_caught(plants, 24);
    }
}
