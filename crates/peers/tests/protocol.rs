//! Peers that misbehave: a fake one needs a Python and no framework.

mod common;

#[cfg(target_os = "linux")]
use std::{fs, path::PathBuf};
use std::{
    thread,
    time::{Duration, Instant},
};

use common::{cpu, fashion_mnist, job};
use laptime_engine::{Engine, EngineError, Progress, Session};
use laptime_peers::{Framework, PeerEngine};
use laptime_workload::Augment;

/// What a well-behaved adapter does; tests put something else in the place of a part.
const ADAPTER: &str = include_str!("fake_adapter.py");

/// An engine whose adapter is the fake one with this in the place of `# train`.
fn fake(train: &str) -> PeerEngine {
    let adapter = ADAPTER.replace("# train", train);
    let framework = Framework {
        name: "fake",
        environment: "fake",
        title: "Fake",
        package: "fake",
        variable: "LAPTIME_PEER_FAKE",
        locks: &[],
        follows_order: true,
        accumulates: true,
        adapter: adapter.leak(),
    };
    PeerEngine::new(Box::leak(Box::new(framework)))
}

fn session(train: &str) -> Option<Box<dyn Session>> {
    let engine = fake(train)
        .with_python(common::python()?)
        .with_silence(Duration::from_secs(2));
    let session = engine.compile(&job(fashion_mnist(), 100), &cpu());
    Some(session.expect("the fake compiles"))
}

/// The message that training ends with.
fn failure(train: &str) -> Option<String> {
    let mut session = session(train)?;
    let done = session.train(&[0, 1, 2], &Progress::new());
    match done {
        Err(EngineError::Failed(message)) => Some(message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_adapters_do_not_do_is_refused_before_they_are_started() {
    let mut workload = fashion_mnist();
    workload.augment = Some(Augment {
        crop_padding: 2,
        flip: true,
    });
    let error = fake("").compile(&job(workload, 100), &cpu()).err();
    let message = error.expect("it refuses").to_string();
    assert!(
        message.contains("--engine fake does not augment images"),
        "{message}"
    );
}

#[test]
fn a_well_behaved_peer_is_heard() {
    let Some(mut session) = session("") else {
        return;
    };
    let progress = Progress::new();
    let report = session.train(&[5, 6, 7], &progress).expect("it trains");
    assert_eq!(report.score.samples, 3);
    assert!(
        report.score.loss_sum().is_nan(),
        "it told of no finite loss"
    );
    assert_eq!(report.step_s, Some(vec![0.25]));
    assert_eq!(progress.score().samples, 3);
    let report = session.train(&[8], &progress).expect("it trains on");
    assert_eq!(report.score.samples, 4, "the epoch's score goes on");
    assert!(session.start_s() > 0.0);
    assert_eq!(session.details()["variant"], "fake");
    #[cfg(target_os = "linux")]
    assert!(session.peak_memory_bytes() > Some(1 << 20));
}

#[test]
fn chatter_on_standard_output_cannot_be_taken_for_an_event() {
    let train = "print('{\"event\": \"done\"}', flush=True); import os; os.write(1, b'{}\\n')";
    let Some(mut session) = session(train) else {
        return;
    };
    let report = session.train(&[1], &Progress::new()).expect("it trains");
    assert_eq!(report.score.samples, 1);
}

#[test]
fn a_crash_is_told_with_the_end_of_the_log() {
    let Some(message) = failure("raise ValueError('no such thing')") else {
        return;
    };
    assert!(
        message.starts_with("Fake failed: ValueError: no such thing"),
        "{message}"
    );
    assert!(
        message.contains("Traceback") || message.contains("in train"),
        "{message}"
    );
}

#[test]
fn a_framework_that_ends_the_process_is_told() {
    let Some(message) = failure("import os; print('last words', flush=True); os._exit(3)") else {
        return;
    };
    assert!(message.starts_with("Fake ended with code 3"), "{message}");
    assert!(message.contains("last words"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_killed_peer_is_told() {
    let Some(message) = failure("import os, signal; os.kill(os.getpid(), signal.SIGKILL)") else {
        return;
    };
    assert!(
        message.starts_with("Fake was killed, perhaps because memory ran out"),
        "{message}"
    );
}

#[test]
fn a_peer_that_hangs_is_ended() {
    let since = Instant::now();
    let Some(message) = failure("time.sleep(600)") else {
        return;
    };
    assert!(
        message.starts_with("Fake has said nothing for 2 s"),
        "{message}"
    );
    assert!(since.elapsed() < Duration::from_secs(60));
}

/// Windows has no such program; what speaks otherwise is the same there.
#[cfg(unix)]
#[test]
fn a_program_that_is_no_python_is_told() {
    let not_python = fake("").with_python("/bin/echo".into());
    let Err(error) = not_python.compile(&job(fashion_mnist(), 100), &cpu()) else {
        panic!("echo is no Python");
    };
    assert!(
        error
            .to_string()
            .starts_with("Fake does not speak the protocol"),
        "{error}"
    );
}

#[test]
fn what_is_no_program_is_told() {
    let missing = fake("").with_python("/no/python".into());
    let Err(error) = missing.compile(&job(fashion_mnist(), 100), &cpu()) else {
        panic!("there is none");
    };
    assert!(
        error
            .to_string()
            .starts_with("Fake: /no/python cannot be started"),
        "{error}"
    );
}

#[test]
fn a_wish_to_stop_reaches_a_peer_that_trains() {
    let train = "\n        while not told(Score(1, 0.5, 1)): time.sleep(0.01)";
    let Some(mut session) = session(train) else {
        return;
    };
    let progress = Progress::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            progress.stop();
        });
        let report = session.train(&[1, 2], &progress);
        assert_eq!(report.expect("it stops").score.samples, 2);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_dropped_session_takes_all_its_processes_along() {
    let train = "import subprocess; child = subprocess.Popen(['sleep', '600']); \
                 print(f'child {child.pid}', file=open(PLACE, 'w'))";
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("child");
    let train = train.replace("PLACE", &format!("{:?}", place.display().to_string()));
    let Some(mut session) = session(&train) else {
        return;
    };
    session.train(&[1], &Progress::new()).expect("it trains");
    let text = fs::read_to_string(&place).expect("it wrote");
    let child = PathBuf::from("/proc").join(text.trim().trim_start_matches("child "));
    assert!(child.exists());
    drop(session);
    wait_for_end(&child);
}

/// laptime may be killed, and then cleans nothing up.
#[cfg(target_os = "linux")]
#[test]
fn a_peer_whose_input_closes_takes_its_processes_and_its_folder_along() {
    use std::{
        io::{BufRead, BufReader},
        os::unix::process::CommandExt,
        process::{Command, Stdio},
    };
    let Some(python) = common::python() else {
        return;
    };
    let folder = tempfile::Builder::new().prefix("laptime-peer-").tempdir();
    let folder = folder.expect("a folder").keep();
    let describe = "    import subprocess\n    \
                    child = subprocess.Popen(['sleep', '600']).pid\n    \
                    return {'versions': {'child': str(child)}, 'devices': []}\n";
    let adapter = ADAPTER.replace("def describe():\n", &format!("def describe():\n{describe}"));
    for (name, text) in [
        ("main.py", include_str!("../adapters/main.py")),
        ("job.py", include_str!("../scripts/job.py")),
        ("adapter.py", &adapter),
    ] {
        fs::write(folder.join(name), text).expect("it can be written");
    }
    let peer = Command::new(python)
        .arg("-I")
        .arg(folder.join("main.py"))
        .arg("1")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut peer = peer.expect("it starts");
    let mut hello = String::new();
    let stdout = peer.stdout.take().expect("it is piped");
    let read = BufReader::new(stdout).read_line(&mut hello);
    read.expect("it says hello");
    let (_, child) = hello.split_once("\"child\": \"").expect("it has a child");
    let (child, _) = child.split_once('"').expect("it is quoted");
    let child = PathBuf::from("/proc").join(child);
    assert!(is_alive(&child), "{hello}");
    drop(peer.stdin.take());
    peer.wait().expect("it ends");
    wait_for_end(&child);
    assert!(!folder.exists());
}

#[cfg(target_os = "linux")]
fn is_alive(process: &std::path::Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[cfg(target_os = "linux")]
fn wait_for_end(process: &std::path::Path) {
    let since = Instant::now();
    while is_alive(process) {
        assert!(since.elapsed() < Duration::from_secs(10), "it lives on");
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_do_not_hide_the_log() {
    let train = "import os; os.write(2, b'last words \\xff\\n'); os._exit(3)";
    let Some(message) = failure(train) else {
        return;
    };
    assert!(message.contains("last words \u{fffd}"), "{message}");
}

/// PyTorch's own place is one that the gate and the trial fill before the first run.
#[test]
fn what_compilers_keep_is_in_a_folder_of_laptimes() {
    let train = "import os; raise ValueError(os.environ['TORCHINDUCTOR_CACHE_DIR'])";
    let Some(message) = failure(train) else {
        return;
    };
    assert!(message.contains("laptime-peer-"), "{message}");
}

#[test]
fn what_an_adapter_cannot_do_is_the_users_to_mend() {
    let Some(mut session) = session("raise Unsupported('no such layer')") else {
        return;
    };
    match session.train(&[1], &Progress::new()) {
        Err(EngineError::Unsupported(message)) => {
            assert_eq!(message, "Fake: Unsupported: no such layer")
        }
        other => panic!("{other:?}"),
    }
}
