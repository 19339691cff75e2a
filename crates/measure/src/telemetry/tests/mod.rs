//! Recorded and made-up machines, observed as if they were live.

mod tree;

use std::{fs, path::Path, time::Instant};

use super::{Cause, Condition, ROOT, Sampler, Telemetry, judge, observer::Observer};
use tree::{BEGIN, END, Tree};

fn laptop() -> Telemetry {
    let tree = Tree::of(&BEGIN);
    tree.process(1000, [5, 1_000_000_000], 3);
    let mut observer = Observer::begin(tree.root(), &[10]);
    observer.look(0.0);
    tree.write(&END);
    tree.process(1250, [400_000_005, 1_300_000_000], 7);
    observer.finish(2.0)
}

#[test]
fn everything_that_a_machine_tells_is_seen() {
    let seen = laptop();
    let about = |what: Option<f64>, expected: f64| {
        assert!(
            (what.unwrap() - expected).abs() < 1e-9,
            "{what:?} is not {expected}"
        );
    };
    assert_eq!((seen.wall_s, seen.cores), (2.0, Some(2)));
    about(seen.own_cpu_s, 2.5);
    about(seen.foreign_cpu_s, 1.0);
    about(seen.steal_s, 0.2);
    about(seen.run_delay_s, 0.7);
    about(seen.longest_run_delay_s, 0.4);
    assert_eq!(seen.involuntary_switches, Some(8));
    assert_eq!(seen.swapped_bytes, Some(3 * 4096));
    about(seen.memory_stall_s, 0.04);
    about(seen.load_begin, 0.5);
    about(seen.load_end, 2.5);
    about(seen.cgroup_throttled_s, 0.05);
    about(seen.temperature_max_c, 71.5);
    assert_eq!(seen.throttle_events, Some(1));
    about(seen.energy_j, 60.0);
    about(seen.mean_power_w, 30.0);
    about(seen.samples.last().unwrap().power_w, 30.0);
    let frequency = seen.frequency.unwrap();
    about(Some(frequency.median_hz), 2.5e9);
    about(frequency.base_hz, 2.1e9);
    about(frequency.limit_hz, 4.8e9);
    let gpu = &seen.gpus[0];
    assert_eq!(
        (gpu.name.as_str(), gpu.memory_bytes),
        ("card1", Some(1 << 20))
    );
    about(gpu.utilisation, 0.5);
    about(gpu.power_w, 25.0);
    let last = seen.samples.last().unwrap();
    about(last.busy_share, 3.5 / 4.0);
    about(last.foreign_share, 0.25);
    let json = serde_json::to_string(&seen).unwrap();
    let read: Telemetry = serde_json::from_str(&json).unwrap();
    about(read.foreign_cpu_s, 1.0);
    assert_eq!(read.samples.len(), seen.samples.len());
}

#[test]
fn a_disturbed_laptop_is_called_so() {
    let condition = judge(&laptop(), 2);
    let Condition::Disturbed { by, lost_share } = &condition else {
        panic!("{condition:?}");
    };
    assert!(
        matches!(by[0], Cause::OtherProcesses { cpu_share: Some(share) } if (share - 0.25).abs() < 1e-9)
    );
    assert!((0.3..0.5).contains(lost_share), "{lost_share}");
}

#[test]
fn a_process_that_an_engine_starts_later_is_its_own() {
    let tree = Tree::of(&BEGIN);
    tree.process(1000, [0, 0], 0);
    let mut observer = Observer::begin(tree.root(), &[10]);
    tree.write(&END);
    tree.process(1100, [0, 0], 0);
    tree.write(&[
        (
            "proc/20/stat",
            "20 (python) R 10 1 1 0 -1 0 0 0 0 0 240 10 0 0 20 0 1 0 900 0 0\n",
        ),
        ("proc/20/task/20/schedstat", "5 300000000 1\n"),
        (
            "proc/30/stat",
            "30 (stranger) R 1 1 1 0 -1 0 0 0 0 0 240 10 0 0 20 0 1 0 901 0 0\n",
        ),
    ]);
    let seen = observer.finish(2.0);
    assert!((seen.own_cpu_s.unwrap() - 3.5).abs() < 1e-9, "{seen:?}");
    assert!(seen.foreign_cpu_s.unwrap().abs() < 1e-9, "{seen:?}");
    assert!((seen.run_delay_s.unwrap() - 0.3).abs() < 1e-9, "{seen:?}");
}

#[test]
fn a_clock_that_falls_is_seen_when_it_does() {
    let tree = Tree::of(&BEGIN);
    tree.process(0, [0, 0], 0);
    let mut observer = Observer::begin(tree.root(), &[10]);
    let look = |n: u64, observer: &mut Observer| {
        let busy = 100 + 20 * n;
        let cores = format!("cpu0 {busy} 0 0 100 0 0 0 0\ncpu1 {busy} 0 0 100 0 0 0 0\n");
        let khz = if n <= 60 { "4000000" } else { "3280000" };
        tree.write(&[
            ("proc/stat", &cores),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", khz),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", khz),
        ]);
        tree.process(40 * n, [0, 0], 0);
        observer.look(n as f64 * 0.2);
    };
    (1..=100).for_each(|n| look(n, &mut observer));
    let condition = judge(&observer.finish(20.0), 2);
    assert_eq!(
        condition.to_string(),
        "throttled from 12 s on: 18 % slower clock"
    );
    let Condition::Throttled { lost_share, .. } = condition else {
        panic!();
    };
    assert!((lost_share - 0.18 * 0.4).abs() < 0.002, "{lost_share}");
}

#[test]
fn the_hottest_sensor_of_the_processor_counts_and_a_gpu_may_sleep() {
    let tree = Tree::of(&[
        ("sys/class/hwmon/hwmon0/name", "nvme\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "90000\n"),
        ("sys/class/hwmon/hwmon1/name", "k10temp\n"),
        ("sys/class/hwmon/hwmon1/temp1_input", "65250\n"),
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone0/temp", "-274000\n"),
        ("sys/class/drm/card0/device/gpu_busy_percent", "7\n"),
        (
            "sys/class/drm/card0/device/power/runtime_status",
            "suspended\n",
        ),
        ("sys/class/drm/card1/device/vendor", "0x8086\n"),
        (
            "sys/class/drm/card0-HDMI-A-1/device/gpu_busy_percent",
            "7\n",
        ),
    ]);
    let seen = Observer::begin(tree.root(), &[10]).finish(1.0);
    assert_eq!(seen.temperature_max_c, Some(65.25));
    assert_eq!(seen.gpus.len(), 1);
    assert_eq!(seen.gpus[0].utilisation, None);
}

#[test]
fn an_empty_root_tells_nothing() {
    let tree = Tree::of(&[]);
    let seen = Sampler::start(tree.root(), &[10]).finish();
    let nothing = Telemetry {
        wall_s: seen.wall_s,
        samples: seen.samples.clone(),
        observing_s: seen.observing_s,
        looks: seen.looks,
        ..Telemetry::default()
    };
    assert_eq!(seen, nothing);
    assert_eq!(judge(&seen, 2).to_string(), "not measured");
}

#[test]
fn garbage_tells_nothing() {
    let files = BEGIN.map(|(path, _)| path);
    for garbage in [
        "",
        "\n",
        "-1\n",
        "abc def",
        "cpu0 x",
        "1e9",
        "\u{fffd}\0",
        "99999999999999999999999",
    ] {
        let tree = Tree::of(&files.map(|path| (path, garbage)));
        tree.process(1, [1, 1], 1);
        tree.write(&[
            ("proc/10/stat", garbage),
            ("proc/10/task/10/schedstat", garbage),
        ]);
        let mut observer = Observer::begin(tree.root(), &[10]);
        observer.look(0.5);
        let seen = observer.finish(1.0);
        assert_eq!(seen.own_cpu_s, None, "{garbage}");
        assert_eq!(seen.foreign_cpu_s, None, "{garbage}");
        assert_eq!((seen.energy_j, seen.frequency), (None, None), "{garbage}");
        assert_eq!(
            (seen.swapped_bytes, seen.cgroup_throttled_s),
            (None, None),
            "{garbage}"
        );
        assert_eq!(
            (seen.temperature_max_c, seen.throttle_events),
            (None, None),
            "{garbage}"
        );
    }
}

#[test]
fn folders_in_the_place_of_files_tell_nothing() {
    let tree = Tree::of(&[]);
    for (path, _) in BEGIN {
        fs::create_dir_all(tree.root().join(path)).unwrap();
    }
    let mut observer = Observer::begin(tree.root(), &[10]);
    assert_eq!(observer.finish(1.0).foreign_cpu_s, None);
}

#[test]
fn absurd_numbers_do_no_harm() {
    let most = u64::MAX.to_string();
    let stat = format!("cpu0 {most} {most} {most} {most} {most} {most} {most} {most} 0 0\n");
    let zero = "cpu0 0 0 0 0 0 0 0 0 0 0\n";
    let numbers = |path: &str| -> String {
        match path {
            "proc/stat" => stat.clone(),
            "proc/vmstat" => format!("pswpin {most}\npswpout {most}\n"),
            "proc/pressure/memory" => format!("some total={most}\n"),
            "sys/fs/cgroup/a/cpu.stat" => format!("throttled_usec {most}\n"),
            "proc/self/cgroup" => "0::/a\n".to_owned(),
            path if path.ends_with("name") => "package-0".to_owned(),
            path if path.ends_with("type") => "x86_pkg_temp".to_owned(),
            _ => most.clone(),
        }
    };
    let tree = Tree::of(&BEGIN);
    tree.write(&[("proc/stat", zero)]);
    tree.process(0, [0, 0], 0);
    let mut observer = Observer::begin(tree.root(), &[10]);
    observer.look(0.1);
    for (path, _) in BEGIN {
        tree.write(&[(path, &numbers(path))]);
    }
    tree.process(u64::MAX, [u64::MAX; 2], u64::MAX);
    observer.look(0.2);
    let seen = observer.finish(f64::MIN_POSITIVE);
    let json = serde_json::to_string(&seen).unwrap();
    serde_json::from_str::<Telemetry>(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
    for threads in [0, 1, 2, usize::MAX] {
        let text = judge(&seen, threads).to_string();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn this_machine_can_be_observed() {
    let sampler = Sampler::start(Path::new(ROOT), &[std::process::id()]);
    let seen = sampler.finish();
    assert!(seen.looks >= 1 && seen.wall_s >= 0.0);
}

/// What a look costs here: `cargo test -p laptime-measure cost_of -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_look_and_of_a_search() {
    let mut observer = Observer::begin(Path::new(ROOT), &[std::process::id()]);
    let mut least_us = |what: &str, work: fn(&mut Observer)| {
        let mut all: Vec<f64> = (0..300)
            .map(|_| {
                let start = Instant::now();
                work(&mut observer);
                start.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        all.sort_by(f64::total_cmp);
        println!(
            "{what}: {:.0} us at least, {:.0} us in the median",
            all[0], all[150]
        );
    };
    least_us("a look", |observer| observer.look(1.0));
    least_us("a search", Observer::search);
}
