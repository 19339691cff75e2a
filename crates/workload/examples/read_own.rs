//! How fast files of one's own are read: `cargo run --release -p laptime-workload --example read_own -- net.toml 10`
//! reads the data of a spec ten times and tells each time, with the bytes of the samples that it made.

use std::{env, path::Path, time::Instant};

use laptime_workload::{
    Overrides, Spec,
    dataset::{LoadOptions, Samples, Silent, load},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, times] = &arguments[..] else {
        return Err("give a spec's file and how often it is to be read".into());
    };
    for _ in 0..times.parse()? {
        let start = Instant::now();
        let workload = Spec::read(Path::new(path))?.resolve(&Overrides::default())?;
        let dataset = load(&workload.dataset, &LoadOptions::default(), &mut Silent)?.dataset;
        let read_s = start.elapsed().as_secs_f64();
        let bytes = |samples: &Samples| {
            samples
                .arrays
                .iter()
                .map(|it| it.bytes.len())
                .sum::<usize>()
        };
        let bytes = bytes(&dataset.train) + bytes(&dataset.test);
        println!("{read_s:.4} s, {:.2} GB/s", bytes as f64 / read_s / 1e9);
    }
    Ok(())
}
