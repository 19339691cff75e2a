//! A child ends with all that it has started; on Windows, and so without a word from anybody, also when the
//! process that started it is killed. The processes here are this program itself, each with one of its parts.

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use laptime_peers::Group;

/// Names the file that the last of the processes locks. Without it the parts do nothing.
const FILE: &str = "LAPTIME_TEST_FILE";

fn part(name: &str, file: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("it runs"));
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(FILE, file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[test]
#[ignore = "a part of the others"]
fn locks_the_file() {
    let Some(path) = env::var_os(FILE) else {
        return;
    };
    let lock = File::create(path).expect("it can be made");
    lock.lock().expect("nobody else has it");
    thread::sleep(Duration::from_secs(600));
}

#[test]
#[ignore = "a part of the others"]
fn starts_one() {
    let Some(path) = env::var_os(FILE) else {
        return;
    };
    let mut child = part("locks_the_file", Path::new(&path)).spawn();
    let _ = child.as_mut().expect("it starts").wait();
}

#[test]
#[ignore = "a part of the others"]
fn starts_a_group() {
    let Some(path) = env::var_os(FILE) else {
        return;
    };
    let mut group = Group::spawn(&mut part("starts_one", Path::new(&path)));
    let _ = group.as_mut().expect("it starts").wait();
}

fn is_locked(file: &Path) -> bool {
    let file = File::options().write(true).open(file);
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A folder, and the file in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("locked");
    (folder, file)
}

#[test]
fn what_a_child_has_started_ends_with_it() {
    let (folder, file) = place();
    let group = Group::spawn(&mut part("starts_one", &file)).expect("it starts");
    wait_until("the last one never began", || is_locked(&file));
    drop(group);
    wait_until("the last one lives on", || !is_locked(&file));
    fs::remove_dir_all(folder.path()).expect("nobody has it open");
}

/// Elsewhere the children see to that themselves: their standard input ends.
#[cfg(windows)]
#[test]
fn a_group_ends_when_its_parent_is_killed() {
    let (_folder, file) = place();
    let mut parent = part("starts_a_group", &file).spawn().expect("it starts");
    wait_until("the last one never began", || is_locked(&file));
    parent.kill().expect("it runs");
    parent.wait().expect("it ends");
    wait_until("the last one lives on", || !is_locked(&file));
}
