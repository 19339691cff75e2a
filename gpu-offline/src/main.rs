//! Compiles the kernels of workloads for a card that need not be there, and prints what its compiler says of
//! them; `--check` compares the sums with those in a file. `gpu-offline/check` calls it.

mod driver;
mod spirv;

use std::{collections::BTreeMap, process::ExitCode};

use laptime_engine::Passes;
use laptime_gpu::{Target, texts};
use laptime_graph::{Mode, build};
use laptime_workload::{Overrides, Precision, Spec};

/// What the sums may grow by before the check fails: the driver's estimates move a little with every change.
const SLACK: f64 = 1.02;

/// Mesa's names of what is printed.
const SHOWN: [&str; 5] = [
    "VGPRs",
    "LDS size",
    "Subgroups per SIMD",
    "Latency",
    "Inverse Throughput",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let golden = arguments.iter().position(|one| one == "--check");
    let golden = golden.map(|place| arguments.drain(place..).nth(1));
    let driver = driver::Driver::open()?;
    println!("{}", driver.name);
    let mut sums = String::new();
    for file in &arguments {
        for precision in Precision::ALL {
            sums += &of_workload(&driver, file, precision)?;
        }
    }
    let Some(golden) = golden else {
        return Ok(());
    };
    let golden = golden.ok_or("--check needs a file")?;
    let expected =
        std::fs::read_to_string(&golden).map_err(|error| format!("{golden}: {error}"))?;
    check(&expected, &sums).map_err(|what| format!("{golden}: {what}"))
}

/// Prints the kernels of a workload file; gives its sums, one a line: workload, kind of kernel, name, value.
fn of_workload(
    driver: &driver::Driver,
    file: &str,
    precision: Precision,
) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let spec = Spec::parse(&text, file).map_err(|error| error.to_string())?;
    let overrides = Overrides {
        precision: Some(precision),
        ..Overrides::default()
    };
    let workload = spec
        .resolve(&overrides)
        .map_err(|error| error.to_string())?;
    let title = match precision {
        Precision::Fp32 => workload.name.clone(),
        _ => format!("{} {precision}", workload.name),
    };
    let program = build(&workload, Mode::Training, workload.batch_size);
    let target = Target {
        subgroup: 32,
        threads: Target::CARD.threads,
        ..Target::COMMON
    };
    let mut known: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut sums: BTreeMap<(&str, String), u64> = BTreeMap::new();
    println!("\n{title}");
    for kernel in texts(&program, target, &Passes::All, 50_000)? {
        let statistics = match known.get(&kernel.wgsl) {
            Some(statistics) => statistics.clone(),
            None => {
                let words = spirv::words(&kernel.wgsl)?;
                let made = driver.statistics(&words);
                let made = made.map_err(|what| format!("{}: {what}", kernel.name))?;
                known.insert(kernel.wgsl.clone(), made.clone());
                made
            }
        };
        let groups: u32 = kernel.workgroups.iter().product();
        print!("{groups:>6} workgroups");
        for name in SHOWN {
            print!("  {name} {:>6}", statistics.get(name).copied().unwrap_or(0));
        }
        println!("  {}", kernel.name);
        let kind = kind_of(&kernel.name);
        for (name, value) in statistics {
            let is_summed =
                name.starts_with("Spilled") || name == "Latency" || name == "Inverse Throughput";
            if is_summed {
                *sums.entry((kind, name)).or_default() += value;
            }
        }
        *sums.entry((kind, "Kernels".into())).or_default() += 1;
    }
    let mut lines = String::new();
    for ((kind, name), value) in sums {
        lines += &format!("{title}\t{kind}\t{name}\t{value}\n");
    }
    print!("\n{lines}");
    Ok(lines)
}

/// Products, norms, or anything else.
fn kind_of(kernel: &str) -> &'static str {
    let has = |word: &str| kernel.contains(word);
    match () {
        () if has("conv2d") || has("dense") => "products",
        () if has("norm") => "norms",
        () => "others",
    }
}

/// Whether no sum has grown, and every expected one is there.
fn check(expected: &str, found: &str) -> Result<(), String> {
    let parse = |text: &str| -> BTreeMap<String, f64> {
        let lines = text.lines().filter_map(|line| line.rsplit_once('\t'));
        lines
            .filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?)))
            .collect()
    };
    let found = parse(found);
    for (key, most) in parse(expected) {
        if key.ends_with("\tKernels") {
            continue;
        }
        let value = found
            .get(&key)
            .ok_or(format!("nothing is `{key}` any more"))?;
        if *value > most * SLACK {
            return Err(format!("{key} has grown from {most} to {value}"));
        }
    }
    Ok(())
}
