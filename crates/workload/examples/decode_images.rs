//! How fast a folder of JPEGs is read, beside the decoder alone: `cargo run --release -p laptime-workload --example
//! decode_images -- net.toml FOLDER 10`, with a spec whose data is that folder, in turn ten times. The decoder has the
//! files in memory, on all cores; once it throws its pixels away, once it keeps them. With `XDG_CACHE_HOME=/dev/null` nothing is kept, so all is decoded each time.

use std::{
    env, fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::Instant,
};

use laptime_workload::{Overrides, Spec};
use zune_core::bytestream::ZCursor;
use zune_jpeg::JpegDecoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [spec, folder, times] = &arguments[..] else {
        return Err("give a spec's file, its folder of images, and how often".into());
    };
    let mut files = Vec::new();
    for class in fs::read_dir(folder)? {
        for file in fs::read_dir(class?.path())? {
            files.push(fs::read(file?.path())?);
        }
    }
    let bytes: usize = files.iter().map(Vec::len).sum();
    let told = |what: &str, seconds: f64| {
        let images_per_s = files.len() as f64 / seconds;
        let megabytes_per_s = bytes as f64 / seconds / 1e6;
        println!(
            "{what} {seconds:.3} s, {images_per_s:.0} images/s, {megabytes_per_s:.0} MB/s of files"
        );
    };
    for _ in 0..times.parse()? {
        let start = Instant::now();
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while let Some(file) = files.get(next.fetch_add(1, Relaxed)) {
                        let pixels = JpegDecoder::new(ZCursor::new(&file[..])).decode();
                        std::hint::black_box(pixels.expect("a JPEG").len());
                    }
                });
            }
        });
        told("decoder alone", start.elapsed().as_secs_f64());
        // What must be done beside decoding: the pixels are written to memory of their own.
        let start = Instant::now();
        let next = AtomicUsize::new(0);
        let kept: Vec<Vec<Vec<u8>>> = thread::scope(|scope| {
            let cores = 0..thread::available_parallelism().map_or(1, usize::from);
            let threads = cores.map(|_| {
                scope.spawn(|| {
                    let mut kept = Vec::new();
                    while let Some(file) = files.get(next.fetch_add(1, Relaxed)) {
                        let pixels = JpegDecoder::new(ZCursor::new(&file[..])).decode();
                        kept.push(pixels.expect("a JPEG"));
                    }
                    kept
                })
            });
            let threads: Vec<_> = threads.collect();
            threads
                .into_iter()
                .map(|it| it.join().expect("no panic"))
                .collect()
        });
        told("pixels kept  ", start.elapsed().as_secs_f64());
        drop(kept);
        let start = Instant::now();
        let workload = Spec::read(Path::new(spec))?.resolve(&Overrides::default())?;
        told("read         ", start.elapsed().as_secs_f64());
        // Giving the memory back is no reading.
        drop(workload);
    }
    Ok(())
}
