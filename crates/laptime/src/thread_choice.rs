//! How many threads of the processor train where the command line does not say: the fastest number, by trial or from
//! memory. A Schedule tells beforehand which numbers can be of use; where that leaves one, nothing is tried.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use laptime_cpu::{Isa, Target, lower};
use laptime_engine::{
    Device, Engine,
    trial::{self, Tried},
};
use laptime_graph::{
    Mode, Program, build,
    schedule::{Balance, Core},
};
use laptime_measure::{Allowed, Machine};
use laptime_results::{Candidate, DeviceTrial, number::counted};
use serde::{Deserialize, Serialize};

use crate::{
    device_choice::{Wish, by_trial},
    failure::Failure,
};

/// What the steps of a trial may take, outside all totals; each number does two at least.
const TRIAL: Duration = Duration::from_secs(1);

/// A number whose step is predicted to take so many times as long as the best one's is not tried: predictions
/// are better than that.
const HOPELESS: f64 = 1.3;

/// A larger number must be predicted to be faster than each smaller one, by little.
const GAIN: f64 = 0.98;

/// How many threads, and why so many.
pub struct ThreadChoice {
    /// How many.
    pub threads: usize,
    /// Why, where there was a choice.
    pub why: Option<String>,
    /// What a record should say of the choice, where there was one.
    pub trial: Option<DeviceTrial>,
}

/// What is remembered of a choice: the numbers that were tried, one alone without a time.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    candidates: Vec<usize>,
    tried: Vec<Tried>,
}

impl ThreadChoice {
    /// A number that was no choice.
    pub fn plain(threads: usize) -> Self {
        Self {
            threads,
            why: None,
            trial: None,
        }
    }
}

/// What a processor has that makes a number of threads worth a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores {
    /// Physical cores that this process may use: those of the fastest kind, of the two fastest ones, and so on, up to
    /// all; at least one number.
    kinds: Vec<usize>,
    /// Those of one NUMA node.
    in_one_node: usize,
}

impl Cores {
    /// Cores that are all alike.
    pub fn alike(all: usize) -> Self {
        Self {
            kinds: vec![all],
            in_one_node: all,
        }
    }

    /// The cores of a machine of which this process may use so many hardware threads.
    pub fn of(machine: &Machine, threads: usize) -> Self {
        let Some(topology) = &machine.topology else {
            return Self::alike(machine.cores.min(threads));
        };
        let Allowed {
            cores,
            in_one_node,
            kinds,
            ..
        } = &topology.allowed;
        let up_to = kinds.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        let mut kinds: Vec<usize> = up_to.map(|sum| sum.clamp(1, threads)).collect();
        kinds.push((*cores).clamp(1, threads));
        kinds.dedup();
        Self {
            kinds,
            in_one_node: (*in_one_node).clamp(1, threads),
        }
    }

    /// Those of the fastest kind.
    fn fastest(&self) -> usize {
        self.kinds[0]
    }
}

/// The fastest number of threads up to that of the wish, of a processor with such cores: by trial, or as `cache`
/// has it from an earlier one of the same.
pub fn fastest(
    engine: &dyn Engine,
    wish: &Wish,
    device: &Device,
    cores: &Cores,
    cache: Option<&Path>,
) -> Result<ThreadChoice, Failure> {
    let start = Instant::now();
    let workload = wish.workload;
    let program = build(workload, Mode::Training, workload.rows_at_once());
    let file = cache.and_then(|cache| file(wish, &program, device, cores, cache));
    let known = file.as_ref().and_then(|file| read(file, wish.threads));
    let remembered = known.is_some();
    let known = match known {
        Some(known) => known,
        None => {
            let predict = predictor(&program, wish, device, cores)?;
            let candidates = worth_trying(numbers(wish.threads, cores), predict);
            let tried = match candidates.len() {
                1 => Vec::new(),
                _ => trial::try_threads(engine, &by_trial::job(wish), device, &candidates, TRIAL),
            };
            let known = Known { candidates, tried };
            if let Some(file) = file.filter(|_| known.is_sound(wish.threads)) {
                by_trial::keep(&file, &known);
            }
            known
        }
    };
    let Known { candidates, tried } = known;
    if tried.is_empty() {
        return Ok(ThreadChoice::plain(candidates[0]));
    }
    // Where none could train, the training itself will say why.
    let best = trial::fastest(&tried).unwrap_or(candidates.len() - 1);
    let of = |candidate: usize| Device {
        threads: Some(candidates[candidate]),
        ..device.clone()
    };
    let trial = by_trial::record(start, remembered, tried, of);
    Ok(ThreadChoice {
        threads: candidates[best],
        why: Some(why(candidates[best], &trial)),
        trial: Some(trial),
    })
}

/// Powers of two up to all cores of the fastest kind, these, those of one NUMA node, those of the fastest kinds together
/// up to all cores, and all hardware threads: there may be two a core, of which the second adds little.
fn numbers(most: usize, cores: &Cores) -> Vec<usize> {
    let powers = (0..usize::BITS).map(|power| 1 << power);
    let fastest = cores.fastest().clamp(1, most);
    let mut numbers: Vec<usize> = powers.take_while(|number| *number < fastest).collect();
    numbers.extend([cores.in_one_node.clamp(1, fastest), most]);
    numbers.extend(cores.kinds.iter().map(|cores| (*cores).clamp(1, most)));
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Those that a prediction leaves; at least one.
fn worth_trying(numbers: Vec<usize>, predict: impl Fn(usize) -> f64) -> Vec<usize> {
    let predicted: Vec<(usize, f64)> = numbers.into_iter().map(|it| (it, predict(it))).collect();
    let times = predicted.iter().map(|(_, step_s)| *step_s);
    let best = times.fold(f64::INFINITY, f64::min);
    let mut left: Vec<(usize, f64)> = Vec::new();
    for (number, step_s) in predicted {
        let gains = left.iter().all(|(_, smaller_s)| step_s < GAIN * smaller_s);
        if gains {
            left.push((number, step_s));
        }
    }
    left.retain(|(_, step_s)| *step_s <= HOPELESS * best);
    left.into_iter().map(|(number, _)| number).collect()
}

/// Seconds of a step on so many threads, as the Schedule for them lets expect. Cores of a slower kind, for which the
/// fast ones wait at each barrier, and second threads of a core are counted as if they cost and gave next to nothing,
/// so that they are tried.
fn predictor<'a>(
    program: &'a Program,
    wish: &'a Wish,
    device: &Device,
    cores: &'a Cores,
) -> Result<impl Fn(usize) -> f64 + 'a, Failure> {
    let isa = isa_of(device)?;
    Ok(move |threads: usize| {
        let of = |threads| {
            let schedule = lower(program, Target { isa, threads }, wish.passes);
            Balance::of(program, &schedule, Core::ASSUMED, threads).step_s()
        };
        let slower = cores.kinds.iter().filter(|cores| threads > **cores).count();
        (GAIN - 0.01).powi(slower as i32) * of(threads.min(cores.fastest()))
    })
}

/// The instruction set of a processor.
pub fn isa_of(device: &Device) -> Result<Isa, Failure> {
    match device.isa.as_deref() {
        Some(name) => Isa::named(name).map_err(Failure::Usage),
        None => Isa::chosen().map_err(Failure::Usage),
    }
}

/// `trains on 8 threads, the fastest by trial: 4 threads 0.052 ms a step, 8 threads 0.041 ms a step`.
fn why(threads: usize, trial: &DeviceTrial) -> String {
    let name = |one: &Candidate| counted(one.device.threads.unwrap_or(1), "thread");
    by_trial::why(&counted(threads as u64, "thread"), trial, name)
}

/// The file of a choice on this processor of so many cores.
fn file(
    wish: &Wish,
    program: &Program,
    device: &Device,
    cores: &Cores,
    cache: &Path,
) -> Option<PathBuf> {
    let machine = format!("{device:?}, {cores:?}");
    by_trial::file(cache, "thread-choices", wish, program, &machine)
}

impl Known {
    /// Whether it says what one can go by: one number, or several with a time each.
    fn is_sound(&self, most: usize) -> bool {
        let Self { candidates, tried } = self;
        let are_possible = candidates.iter().all(|it| (1..=most).contains(it));
        let are_timed = tried.iter().enumerate().all(|(number, one)| {
            one.candidate == number && one.step_s.is_some_and(|step_s| step_s > 0.0)
        });
        let tried = match candidates.len() {
            0 => return false,
            1 => tried.is_empty(),
            numbers => tried.len() == numbers,
        };
        are_possible && are_timed && tried
    }
}

/// What cannot be read, or makes no sense, is as good as nothing.
fn read(file: &Path, most: usize) -> Option<Known> {
    let known: Known = by_trial::read(file)?;
    known.is_sound(most).then_some(known)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use laptime_engine::{DeviceKind, Passes};
    use laptime_measure::Topology;
    use laptime_workload::{Builtin, Overrides, Workload};

    use super::*;
    use crate::{args::DeviceArg, engines::OwnEngine};

    fn fashion_mnist() -> Arc<Workload> {
        let builtin = Builtin::find("fashion-mnist").expect("it is built in");
        Arc::new(
            builtin
                .spec()
                .resolve(&Overrides::default())
                .expect("it is sound"),
        )
    }

    fn wish(workload: &Arc<Workload>, threads: usize) -> Wish<'_> {
        Wish {
            device: DeviceArg::Cpu,
            cpu: "a processor",
            workload,
            threads,
            passes: &Passes::All,
        }
    }

    fn processor() -> Device {
        let mut devices = OwnEngine
            .devices_of(DeviceKind::Cpu)
            .expect("there is one")
            .into_iter();
        devices.next().expect("there is one")
    }

    #[test]
    fn what_a_prediction_decides_is_not_tried() {
        let workload = fashion_mnist();
        let cache = tempfile::tempdir().expect("there is a place for temporary files");
        let choice = fastest(
            &OwnEngine,
            &wish(&workload, 8),
            &processor(),
            &Cores::alike(8),
            Some(cache.path()),
        );
        let Ok(choice) = choice else {
            panic!("it can be lowered")
        };
        assert_eq!((choice.threads, choice.trial, choice.why), (8, None, None));
    }

    #[test]
    fn a_trial_is_made_once_and_remembered() {
        let workload = fashion_mnist();
        let cache = tempfile::tempdir().expect("there is a place for temporary files");
        // The second processor of a core.
        let choose = || {
            let wish = wish(&workload, 2);
            let cores = &Cores::alike(1);
            fastest(&OwnEngine, &wish, &processor(), cores, Some(cache.path()))
        };
        let (Ok(first), Ok(second)) = (choose(), choose()) else {
            panic!("both can train")
        };
        assert_eq!(first.threads, second.threads);
        let why = second.why.expect("there was a choice");
        assert!(
            why.contains("the fastest by an earlier trial: 1 thread "),
            "{why}"
        );
        let [first, second] = [first.trial, second.trial].map(|one| one.expect("a choice"));
        assert!(second.remembered && !first.remembered);
        assert_eq!(first.candidates, second.candidates);
        let threads: Vec<_> = first
            .candidates
            .iter()
            .map(|it| it.device.threads)
            .collect();
        assert_eq!(threads, [Some(1), Some(2)]);
    }

    #[test]
    fn candidates_are_powers_of_two_the_cores_of_each_kind_and_all() {
        let of = |kinds: &[usize], in_one_node| Cores {
            kinds: kinds.to_vec(),
            in_one_node,
        };
        for (most, cores, expected) in [
            (1, Cores::alike(1), vec![1]),
            (2, Cores::alike(2), vec![1, 2]),
            (12, Cores::alike(6), vec![1, 2, 4, 6, 12]),
            (64, Cores::alike(64), vec![1, 2, 4, 8, 16, 32, 64]),
            (3, Cores::alike(8), vec![1, 2, 3]),
            // Six fast cores of two threads, and eight slow ones.
            (20, of(&[6, 14], 14), vec![1, 2, 4, 6, 14, 20]),
            // One that is faster than three, and these than four.
            (8, of(&[1, 4, 8], 8), vec![1, 4, 8]),
            // Two nodes of 24 cores.
            (96, of(&[48], 24), vec![1, 2, 4, 8, 16, 24, 32, 48, 96]),
        ] {
            assert_eq!(numbers(most, &cores), expected, "{most} of {cores:?}");
        }
    }

    #[test]
    fn slower_cores_and_second_threads_are_tried() {
        let workload = Builtin::find("cifar10-resnet50").expect("it is built in");
        let workload = workload.spec().resolve(&Overrides::default());
        let workload = Arc::new(workload.expect("it is sound"));
        let cores = &Cores {
            kinds: vec![6, 14],
            in_one_node: 14,
        };
        let program = build(&workload, Mode::Training, workload.rows_at_once());
        let wish = wish(&workload, 20);
        let Ok(predict) = predictor(&program, &wish, &processor(), cores) else {
            panic!("it can be lowered")
        };
        assert_eq!(worth_trying(numbers(20, cores), predict), [6, 14, 20]);
    }

    #[test]
    fn cores_are_those_that_this_process_may_use() {
        let mut machine = Machine::identify();
        machine.cores = 6;
        machine.topology = None;
        assert_eq!(Cores::of(&machine, 4), Cores::alike(4));
        let allowed = Allowed {
            threads: 20,
            cores: 14,
            fastest: 6,
            kinds: vec![6, 8],
            in_one_node: 14,
        };
        machine.topology = Some(Topology {
            cores: vec![6, 8],
            threads: 20,
            threads_per_core: 2,
            numa_nodes: Some(1),
            allowed,
            quota_cores: None,
        });
        let hybrid = Cores {
            kinds: vec![6, 14],
            in_one_node: 14,
        };
        assert_eq!(Cores::of(&machine, 20), hybrid);
        // A limit on processor time.
        assert_eq!(Cores::of(&machine, 3), Cores::alike(3));
    }

    #[test]
    fn what_is_hopeless_or_gains_nothing_is_not_tried() {
        let of = |times: &[f64]| {
            let numbers = (0..times.len()).map(|number| 1 << number).collect();
            worth_trying(numbers, |threads: usize| {
                times[threads.trailing_zeros() as usize]
            })
        };
        assert_eq!(of(&[2.0, 1.0]), [2]);
        assert_eq!(of(&[1.0, 1.0]), [1]);
        assert_eq!(of(&[1.0, 0.8]), [1, 2]);
        // Eight slices: more threads than these only meet later.
        assert_eq!(of(&[8.0, 4.0, 2.0, 1.0, 1.01, 1.02, 1.05]), [8]);
        assert_eq!(of(&[8.0, 4.0, 2.1, 1.2, 1.0, 1.1]), [8, 16]);
    }

    #[test]
    fn what_is_remembered_must_make_sense() {
        let tried = |candidate, step_s| Tried {
            loss: None,
            candidate,
            step_s: Some(step_s),
            error: None,
        };
        let known = |candidates: &[usize], tried| Known {
            candidates: candidates.to_vec(),
            tried,
        };
        assert!(known(&[2], vec![]).is_sound(2));
        assert!(known(&[1, 2], vec![tried(0, 2.0), tried(1, 1.0)]).is_sound(2));
        for wrong in [
            known(&[], vec![]),
            known(&[0], vec![]),
            known(&[4], vec![]),
            known(&[1, 2], vec![]),
            known(&[1, 2], vec![tried(0, 2.0)]),
            known(&[1, 2], vec![tried(0, 2.0), tried(5, 1.0)]),
            known(&[1, 2], vec![tried(0, 0.0), tried(1, 1.0)]),
        ] {
            assert!(!wrong.is_sound(2), "{wrong:?}");
        }
    }
}
