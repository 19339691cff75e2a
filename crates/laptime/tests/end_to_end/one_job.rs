//! What was parsed once is what is chosen for, judged, trained and remembered: nothing is read twice.

#[cfg(unix)]
use std::process::Command;
use std::{fs, io::Write, process::Stdio};

#[cfg(unix)]
use crate::support::done;
use crate::support::{self, Home, SHORT, json};

/// A small net with so many hidden units.
fn net(units: usize) -> String {
    format!(
        "name = \"net-{units}\"\n\
         [data]\ndataset = \"fashion-mnist\"\npixel_divisor = 255\n\
         [training]\nbatch_size = 32\nepochs = 1\nshuffle = true\nseed = 1\nprecision = \"fp32\"\n\
         loss = \"softmax-cross-entropy\"\n\
         [optimizer]\nkind = \"sgd\"\nlearning_rate = 0.01\nmomentum = 0.9\n\
         [[layer]]\nkind = \"flatten\"\n\
         [[layer]]\nkind = \"dense\"\nunits = {units}\n\
         [[layer]]\nkind = \"relu\"\n\
         [[layer]]\nkind = \"dense\"\nunits = 10\n"
    )
}

const REST: &str = "--data synthetic --max-steps 4 --export-json r.json";

#[test]
fn a_spec_comes_from_standard_input() {
    let home = Home::new();
    for file in ["-", "/dev/stdin"] {
        if file != "-" && !cfg!(unix) {
            continue;
        }
        for verb in ["run", "explain"] {
            let rest = if verb == "run" { REST } else { "" };
            let mut command = home.command(&format!("{verb} {file} {rest}"));
            let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
            let mut stdin = child.stdin.take().expect("a pipe");
            stdin.write_all(net(16).as_bytes()).expect("it reads");
            drop(stdin);
            let done = support::ended(child.wait_with_output().expect("it ends"));
            assert_eq!(done.code, Some(0), "{verb} {file}: {}", done.stderr);
            assert!(!done.stderr.contains("warning"), "{}", done.stderr);
        }
        let record = json(&home.path("r.json"));
        assert_eq!(record["workload"]["name"], "net-16");
        assert_eq!(record["gate"]["verdict"], "verified");
    }
}

#[test]
fn a_mistake_on_standard_input_has_its_place() {
    let home = Home::new();
    let mut child = home
        .command("run -")
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let text = net(16).replace("units = 16", "units = 0");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let done = support::ended(child.wait_with_output().expect("it ends"));
    assert_eq!(done.code, Some(2));
    assert!(
        done.stderr.starts_with("error: standard input:20:9: "),
        "{}",
        done.stderr
    );
}

/// Whoever reads this file a second time finds another net.
#[cfg(unix)]
#[test]
fn a_spec_is_read_once() {
    use std::{os::unix::fs::OpenOptionsExt, sync::mpsc::channel, thread};

    use nix::{libc::O_NONBLOCK, sys::stat::Mode, unistd::mkfifo};

    let home = Home::new();
    let fifo = home.path("net.toml");
    mkfifo(&fifo, Mode::S_IRWXU).expect("a place for a FIFO");
    let (delivered, deliveries) = channel();
    let path = fifo.clone();
    thread::spawn(move || {
        for units in [16, 24] {
            // A writer's open waits for a reader.
            let _ = fs::write(&path, net(units));
            let _ = delivered.send(units);
            // Another one, as the first reader may still be reading.
            let _ = fs::remove_file(&path);
            let _ = mkfifo(&path, Mode::S_IRWXU);
        }
    });
    let done = home.laptime(&format!("run net.toml {REST}"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let read: Vec<usize> = deliveries.try_iter().collect();
    // Lets the other thread go on.
    let mut open = fs::OpenOptions::new();
    let _ = open.read(true).custom_flags(O_NONBLOCK).open(&fifo);
    assert_eq!(read, [16]);
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["workload"]["name"], "net-16");
    assert_eq!(
        record["workload"]["parameters"],
        784 * 16 + 16 + 16 * 10 + 10
    );
    assert_eq!(record["gate"]["verdict"], "verified");
    assert_eq!(record["gate"]["remembered"], false);
}

#[cfg(unix)]
#[test]
fn a_spec_may_be_what_another_program_prints() {
    let home = Home::new();
    fs::write(home.path("net.toml"), net(16)).expect("it is a temporary folder");
    let laptime = home.command("");
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &format!("\"$0\" run <(cat net.toml) {REST}")])
        .arg(laptime.get_program())
        .current_dir(home.path(""));
    for (name, value) in laptime.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let done = done(shell);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
}

#[test]
fn a_verdict_is_only_believed_of_what_it_was_given_for() {
    let home = Home::new();
    let remembered = || {
        let done = home.laptime(&format!("{SHORT} --export-json r.json"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        json(&home.path("r.json"))["gate"]["remembered"].clone()
    };
    assert_eq!(remembered(), false);
    assert_eq!(remembered(), true);
    let mut kept = home
        .path("cache/laptime/verdicts")
        .read_dir()
        .expect("kept");
    let kept = kept.next().expect("a verdict").expect("an entry").path();
    let mut judged = json(&kept);
    judged["subject"] = "another net".into();
    fs::write(&kept, judged.to_string()).expect("it is a temporary folder");
    assert_eq!(remembered(), false);
    assert_eq!(remembered(), true);
    // A pipe in its place would keep its reader waiting.
    #[cfg(unix)]
    {
        fs::remove_file(&kept).expect("it is there");
        let made = Command::new("mkfifo").arg(&kept).status();
        assert!(made.is_ok_and(|status| status.success()));
        assert_eq!(remembered(), false);
    }
}

/// As reproducible builds and the layers of containers have them.
#[cfg(unix)]
#[test]
fn two_builds_of_one_size_and_time_share_no_verdict() {
    use std::os::unix::fs::PermissionsExt;

    let home = Home::new();
    let program = fs::read(env!("CARGO_BIN_EXE_laptime")).expect("it is there");
    let run = |mark: u8| {
        let path = home.path("laptime");
        let mut bytes = program.clone();
        // Behind the end of what is loaded.
        bytes.push(mark);
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).expect("it is a temporary folder");
        let file = fs::File::options()
            .write(true)
            .open(&path)
            .expect("written");
        file.set_modified(std::time::UNIX_EPOCH)
            .expect("its time is ours");
        file.set_permissions(fs::Permissions::from_mode(0o755))
            .expect("its mode is ours");
        drop(file);
        let template = home.command(&format!("{SHORT} --export-json r.json"));
        let mut command = Command::new(&path);
        command.args(template.get_args()).current_dir(home.path(""));
        for (name, value) in template.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let done = done(command);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        json(&home.path("r.json"))["gate"]["remembered"].clone()
    };
    assert_eq!(run(1), false);
    assert_eq!(run(1), true);
    assert_eq!(run(2), false);
}

#[test]
fn what_children_are_for_is_not_for_users() {
    let home = Home::new();
    let done = home.laptime("child");
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("use `laptime run`"), "{}", done.stderr);
    assert!(!home.laptime("--help").stdout.contains("child"));
}
