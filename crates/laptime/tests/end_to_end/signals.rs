//! Signals, as terminals, schedulers and `nohup` send them: what was done is reported, and nothing that
//! was started is left. A Python program stands in for a framework.

#![cfg(target_os = "linux")]

use std::{
    fs,
    process::{Child, Command},
};

use crate::support::{Done, Home, PYTHON, done, ended, json, wait_for};

/// A command that runs JAX, or what stands in for it.
fn with_jax(home: &Home, behaviour: &str, arguments: &str) -> Command {
    let mut command = home.command(arguments);
    command
        .env("LAPTIME_PEER_JAX", PYTHON)
        .env("LAPTIME_FAKE", behaviour)
        .env("LAPTIME_FAKE_MARK", home.path("mark"));
    command
}

/// The processes that the stand-in has left word of.
fn marked(home: &Home) -> Vec<u32> {
    wait_for("mark", || home.path("mark").exists());
    let mark = fs::read_to_string(home.path("mark")).expect("it can be read");
    let numbers = mark.split_whitespace().map(|number| number.parse());
    numbers.collect::<Result<_, _>>().expect("processes")
}

fn send(signal: &str, process: u32) {
    let id = process.to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.expect("there is a kill").success());
}

fn end_of(child: Child) -> Done {
    ended(child.wait_with_output().expect("it ends"))
}

fn wait_for_end(processes: &[u32]) {
    for process in processes {
        wait_for("end of its processes", || {
            status(*process, "State").is_none_or(|state| state.starts_with('Z'))
        });
    }
}

/// A line of a process's status.
fn status(process: u32, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|line| line.trim().to_owned())
}

fn ignores(process: u32, number: u32) -> bool {
    let mask = status(process, "SigIgn").expect("it runs");
    let mask = u64::from_str_radix(&mask, 16).expect("it is a mask");
    mask >> (number - 1) & 1 == 1
}

/// `nohup`, and shells that start programs in the background, ignore signals for them.
#[test]
fn signals_that_were_ignored_stay_ignored_in_the_children_too() {
    let signals = [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)];
    for (name, number) in signals {
        let home = Home::new();
        let laptime = with_jax(&home, "silent", "verify --engine jax");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("trap '' {name}; exec \"$0\" \"$@\"")])
            .arg(laptime.get_program())
            .args(laptime.get_args())
            .envs(
                laptime
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .stderr(std::process::Stdio::piped());
        let child = shell.spawn().expect("there is a shell");
        let peers = marked(&home);
        for process in [child.id(), peers[0]] {
            assert!(ignores(process, number), "SIG{name}");
            for (other, number) in signals.iter().filter(|(other, _)| *other != name) {
                let were_before = ignores(std::process::id(), *number);
                assert_eq!(
                    ignores(process, *number),
                    were_before,
                    "SIG{other} beside SIG{name}"
                );
            }
        }
        let other = if name == "TERM" { "HUP" } else { "TERM" };
        send(other, child.id());
        let done = end_of(child);
        assert_eq!(done.code, Some(130), "{}", done.stderr);
        wait_for_end(&peers);
    }
}

/// Frameworks are asked for their devices before anything else, which takes seconds.
#[test]
fn a_signal_before_the_work_is_told_and_leaves_no_process_and_no_folder() {
    for (signal, arguments) in [
        ("TERM", "race --engines laptime,jax --data synthetic"),
        ("TERM", "run --engine jax --data synthetic"),
        ("TERM", "verify --engine jax"),
        // A limit of processor time is no reason to leave anything either.
        ("XCPU", "run --engine jax --data synthetic"),
    ] {
        let home = Home::new();
        let mut laptime = with_jax(&home, "silent", arguments);
        fs::create_dir(home.path("tmp")).expect("it can be made");
        let child = laptime.env("TMPDIR", home.path("tmp")).spawn();
        let child = child.expect("the program starts");
        let peers = marked(&home);
        send(signal, child.id());
        let done = end_of(child);
        assert_eq!(done.code, Some(130), "{arguments}: {}", done.stderr);
        assert!(done.stderr.starts_with("interrupted"), "{}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
        wait_for_end(&peers);
        let left = fs::read_dir(home.path("tmp")).expect("it is there").count();
        assert_eq!(left, 0, "{arguments}");
    }
}

/// Stopped, as by SIGSTOP or by a debugger, a framework hears nothing of a wish to stop.
#[test]
fn a_race_with_a_stopped_framework_ends_soon_and_keeps_its_finished_rounds() {
    for signals in [1, 2] {
        let home = Home::new();
        let race = "race --engines laptime,jax --data synthetic --max-steps 4 --runs 5";
        let child = with_jax(&home, "stopped", race).spawn();
        let child = child.expect("the program starts");
        let peers = marked(&home);
        wait_for("stop", || {
            status(peers[0], "State").is_some_and(|state| state.starts_with('T'))
        });
        for _ in 0..signals {
            send("TERM", child.id());
            // Two of the same signal at once are one.
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        let done = end_of(child);
        assert_eq!(done.code, Some(130), "{}", done.stderr);
        assert!(done.stderr.contains("interrupted"), "{}", done.stderr);
        wait_for_end(&peers);
        let records: Vec<_> = home.records().iter().map(|path| json(path)).collect();
        assert_eq!(records.len(), 2, "{}", done.stderr);
        for record in records {
            let name = record["engine"]["name"].as_str().expect("a name");
            let runs = record["runs"].as_array().expect("a list").len();
            assert!(runs >= 1, "{name} has finished a round: {}", done.stderr);
            assert_eq!(record["partial_reason"], "interrupted", "{name}");
            assert!(record["error"].is_null(), "{name}");
        }
    }
}

/// A run of an engine that does not stop, too: the runs before it are kept.
#[test]
fn a_run_with_a_stopped_framework_keeps_the_runs_before() {
    let home = Home::new();
    let run = "run --engine jax --data synthetic --max-steps 4 --runs 5";
    let child = with_jax(&home, "stopped", run).spawn();
    let child = child.expect("the program starts");
    let peers = marked(&home);
    send("TERM", child.id());
    std::thread::sleep(std::time::Duration::from_millis(200));
    send("TERM", child.id());
    let done = end_of(child);
    assert_eq!(done.code, Some(130), "{}", done.stderr);
    assert!(done.stderr.contains("interrupted"), "{}", done.stderr);
    wait_for_end(&peers);
    let [record] = home.records().try_into().expect("one record");
    let record = json(&record);
    assert_eq!(record["runs"].as_array().expect("a list").len(), 1);
    assert_eq!(record["partial_reason"], "interrupted");
}

/// pip once lived on for seconds, and what it had unpacked for good.
#[test]
fn an_install_that_is_ended_leaves_no_process_and_what_it_unpacked_is_removed() {
    for signal in ["TERM", "KILL"] {
        let home = Home::new();
        let mut install = home.command(&format!("peers install jax --python {PYTHON}"));
        install
            .env("LAPTIME_FAKE", "endless")
            .env("LAPTIME_FAKE_MARK", home.path("mark"));
        let child = install.spawn().expect("the program starts");
        let processes = marked(&home);
        send(signal, child.id());
        let ended = end_of(child);
        wait_for_end(&processes);
        if signal == "TERM" {
            assert_eq!(ended.code, Some(130), "{}", ended.stderr);
            let says = "interrupted; nothing was installed";
            assert!(ended.stderr.contains(says), "{}", ended.stderr);
        } else {
            assert_eq!(done(home.command("peers list")).code, Some(0));
        }
        let peers = fs::read_dir(home.path("data/laptime/peers")).expect("it is there");
        let left: Vec<_> = peers
            .map(|entry| entry.expect("it is there").file_name())
            .collect();
        assert_eq!(left, [".jax.lock"], "{signal}");
    }
}
