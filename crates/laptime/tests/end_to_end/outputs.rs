//! Where results go: never over what is read, found writable before the work begins, and written whole
//! or not at all.

use std::{fs, path::Path};
#[cfg(unix)]
use std::{
    os::unix::fs::{PermissionsExt, symlink},
    process::{Command, Stdio},
};

use crate::support::{Done, Home, SHORT};
#[cfg(unix)]
use crate::support::{done, ended, json};

/// A home with a workload of its own.
fn home_with_spec() -> Home {
    let home = Home::new();
    let spec = laptime_workload::BUILTINS[0].text;
    fs::write(home.path("net.toml"), spec).expect("it is a temporary folder");
    home
}

fn assert_refused(done: &Done, says: &[&str]) {
    assert_eq!(done.code, Some(2), "{says:?}: {}", done.stderr);
    assert_eq!(done.stdout, "", "{says:?}");
    for words in says {
        assert!(done.stderr.contains(words), "{words}: {}", done.stderr);
    }
}

/// The names in a folder, without those that only some tests make.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()));
}

#[test]
fn an_output_is_never_written_over_an_input() {
    let home = home_with_spec();
    let images = "samples/fashion-mnist/train-images-idx3-ubyte.gz";
    let unpacked = "samples/fashion-mnist/t10k-labels-idx1-ubyte";
    let cached = "cache/laptime/datasets/cifar-10/cifar-10-binary.tar.gz";
    let record = "data/laptime/records/old.json";
    // JSON, as all that lies among the records is read behind the test.
    for path in [
        images,
        unpacked,
        cached,
        record,
        "kept/checkpoint.safetensors",
    ] {
        let path = home.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, "\"dear\"").expect("it can be written");
    }
    let net = "run net.toml --data synthetic";
    #[cfg_attr(windows, expect(unused_mut))]
    let mut table = vec![
        (format!("{net} --export-json net.toml"), "the workload"),
        (
            format!("{net} --export-json ./kept/../net.toml"),
            "the workload",
        ),
        (
            "race net.toml --engines laptime,jax --export-markdown net.toml".into(),
            "the workload",
        ),
        (
            format!("{SHORT} --data-dir samples --save {images}"),
            "a file of the dataset fashion-mnist",
        ),
        (
            format!("{SHORT} --data-dir samples --save {unpacked}"),
            "a file of the dataset fashion-mnist",
        ),
        (
            format!("{SHORT} --export-csv {cached}"),
            "a file of the dataset cifar-10",
        ),
        (
            format!("{SHORT} --checkpoint kept --resume --save kept/checkpoint.safetensors"),
            "a file of --checkpoint",
        ),
        (
            format!("{SHORT} --checkpoint kept --resume --export-csv kept/.lock"),
            "a file of --checkpoint",
        ),
        (
            format!("{SHORT} --export-json {record}"),
            "keeps its own files",
        ),
        (
            format!("{SHORT} --export-json data/laptime/records/new.json"),
            "keeps its own files",
        ),
        (
            format!("{SHORT} --save {}", env!("CARGO_BIN_EXE_laptime")),
            "laptime itself",
        ),
    ];
    #[cfg(unix)]
    {
        fs::hard_link(home.path("net.toml"), home.path("second")).expect("it can be linked");
        symlink("net.toml", home.path("link")).expect("it can be linked");
        symlink(images, home.path("images")).expect("it can be linked");
        symlink(record, home.path("record")).expect("it can be linked");
        table.extend([
            (format!("{net} --save second"), "the workload"),
            (format!("{net} --export-csv link"), "the workload"),
            (
                format!("{SHORT} --data-dir samples --save images"),
                "a file of the dataset fashion-mnist",
            ),
            (
                format!("{SHORT} --export-json record"),
                "keeps its own files",
            ),
        ]);
    }
    #[cfg(windows)]
    assert_refused(
        &home.laptime(&format!("{net} --export-json NET.TOML")),
        &["the workload"],
    );
    let spec = fs::read(home.path("net.toml")).expect("it is there");
    for (arguments, says) in table {
        assert_refused(&home.laptime(&arguments), &[says, "give another file"]);
    }
    assert!(fs::read(home.path("net.toml")).expect("it is there") == spec);
    for path in [
        images,
        unpacked,
        cached,
        record,
        "kept/checkpoint.safetensors",
    ] {
        assert_eq!(
            fs::read_to_string(home.path(path)).expect("it is there"),
            "\"dear\""
        );
    }
}

#[cfg(unix)]
#[test]
fn an_output_is_never_written_over_standard_output() {
    let home = Home::new();
    let mut command = home.command(&format!("{SHORT} --export-json r.json"));
    let stdout = fs::File::create(home.path("r.json")).expect("it is a temporary folder");
    command.stdout(stdout);
    assert_refused(&done(command), &["--export-json r.json", "standard output"]);
}

#[cfg(unix)]
#[test]
fn an_output_is_never_written_over_standard_input_or_standard_error() {
    let home = home_with_spec();
    let spec = fs::read(home.path("net.toml")).expect("it is there");
    let mut command = home.command("run - --data synthetic --max-steps 4 --export-csv net");
    fs::rename(home.path("net.toml"), home.path("net")).expect("it can be renamed");
    command.stdin(fs::File::open(home.path("net")).expect("it is there"));
    assert_refused(&done(command), &["--export-csv net", "standard input"]);
    assert!(fs::read(home.path("net")).expect("it is there") == spec);

    let mut command = home.command(&format!("{SHORT} --export-json r.json"));
    let stderr = fs::File::create(home.path("r.json")).expect("it is a temporary folder");
    command.stderr(stderr);
    assert_eq!(done(command).code, Some(2));
    let said = fs::read_to_string(home.path("r.json")).expect("it is there");
    assert!(
        said.contains("--export-json r.json: this is where standard error goes"),
        "{said}"
    );
}

/// Users move what is large to another disk.
#[cfg(unix)]
#[test]
fn an_own_folder_that_is_a_link_is_laptimes_all_the_same() {
    let home = Home::new();
    for folder in ["data/laptime", "far/jax"] {
        fs::create_dir_all(home.path(folder)).expect("it can be made");
    }
    symlink(home.path("far"), home.path("data/laptime/peers")).expect("it can be linked");
    for path in ["data/laptime/peers/jax/x.csv", "far/jax/x.csv"] {
        let refused = home.laptime(&format!("{SHORT} --export-csv {path}"));
        assert_refused(&refused, &["keeps its own files"]);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_work() {
    let home = home_with_spec();
    fs::create_dir(home.path("folder")).expect("it can be made");
    #[cfg_attr(windows, expect(unused_mut))]
    let mut table = vec![
        ("--save", "no/where"),
        ("--save", "folder"),
        ("--save", "new/"),
        ("--save", "net.toml/model"),
    ];
    #[cfg(unix)]
    {
        symlink("no/where", home.path("dangling")).expect("it can be linked");
        symlink("round", home.path("round")).expect("it can be linked");
        table.extend([
            ("--export-json", "dangling"),
            ("--export-json", "round"),
            ("--export-csv", "/proc/laptime"),
            ("--export-csv", "/dev/fd/99"),
        ]);
    }
    for (option, path) in table {
        let done = home.laptime(&format!("run net.toml --data synthetic {option} {path}"));
        assert_refused(&done, &[&format!("error: {option} {path}: ")]);
        assert!(!done.stderr.contains("SYNTHETIC"), "{}", done.stderr);
    }
    // Permissions stop everybody but root.
    let read_only = home.path("read-only");
    fs::write(&read_only, "dear").expect("it can be written");
    let mut permissions = read_only.metadata().expect("it is there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&read_only, permissions).expect("it is ours");
    if fs::OpenOptions::new().write(true).open(&read_only).is_err() {
        let done = home.laptime(&format!("{SHORT} --export-json read-only"));
        assert_refused(&done, &["--export-json read-only: cannot be written"]);
    }
    assert!(home.records().is_empty());
}

#[test]
fn a_name_that_promises_another_format_is_refused() {
    let home = Home::new();
    for (arguments, says) in [
        ("--save model.pt", ".safetensors"),
        ("--save model.h5", ".safetensors"),
        ("--export-json r.csv", ".json"),
        ("--export-csv r.JSON", ".csv"),
        ("--export-markdown r.toml", ".md"),
    ] {
        let done = home.laptime(&format!("{SHORT} {arguments}"));
        assert_refused(&done, &[arguments, &format!("ends in {says}")]);
    }
}

#[test]
fn a_command_that_fails_leaves_no_file_and_no_change() {
    let home = Home::new();
    fs::write(home.path("old.json"), "old").expect("it is a temporary folder");
    let files = "--export-json old.json --export-csv new.csv --save new";
    let done = home.laptime(&format!("run --data-dir nowhere {files}"));
    assert_refused(&done, &["--data-dir nowhere"]);
    assert_eq!(
        fs::read_to_string(home.path("old.json")).expect("it is there"),
        "old"
    );
    let names = names(&home.path(""));
    let is_ours = |name: &String| name != "cache" && name != "data";
    let names: Vec<String> = names.into_iter().filter(is_ours).collect();
    assert_eq!(names, ["old.json"]);
}

#[cfg(unix)]
#[test]
fn a_link_of_ones_own_is_followed_and_permissions_stay() {
    let home = Home::new();
    fs::create_dir(home.path("far")).expect("it can be made");
    fs::write(home.path("far/old.json"), "old").expect("it can be written");
    fs::set_permissions(home.path("far/old.json"), fs::Permissions::from_mode(0o640))
        .expect("it is ours");
    symlink("far/old.json", home.path("link.json")).expect("it can be linked");
    symlink("far/new.csv", home.path("link.csv")).expect("it can be linked");
    pipe(&home.path("pipe"));
    let reader = Command::new("cat")
        .arg(home.path("pipe"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a cat");
    let done = home.laptime(&format!(
        "{SHORT} --quiet --export-json link.json --export-csv link.csv --save /dev/null \
         --export-markdown pipe"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let piped = ended(reader.wait_with_output().expect("it ends"));
    assert!(piped.stdout.starts_with("| Workload |"), "{}", piped.stdout);
    assert!(home.path("link.json").is_symlink() && home.path("link.csv").is_symlink());
    let record = json(&home.path("far/old.json"));
    assert_eq!(record["schema"], "laptime.record.v2");
    let mode = |name: &str| {
        let metadata = home.path(name).metadata().expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("far/old.json"), 0o640);
    fs::write(home.path("usual"), "").expect("it can be written");
    assert_eq!(mode("far/new.csv"), mode("usual"));
    assert_eq!(names(&home.path("far")), ["new.csv", "old.json"]);
}

/// `/dev/stdout` is what is open, even where that is a file.
#[cfg(unix)]
#[test]
fn a_descriptor_is_written_to_where_it_is() {
    let home = Home::new();
    let mut command = home.command(&format!("{SHORT} --quiet --export-csv /dev/stdout"));
    let stdout = fs::File::create(home.path("out")).expect("it is a temporary folder");
    command.stdout(stdout);
    let done = done(command);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let text = fs::read_to_string(home.path("out")).expect("it was written");
    assert!(
        text.contains("Total") && text.contains("\nrecord,created,"),
        "{text}"
    );
}

/// The shell's limit of a file's size is a disk that is full for one file alone.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_file_before() {
    let home = Home::new();
    fs::write(home.path("net.safetensors"), "old").expect("it is a temporary folder");
    let script = format!(
        "ulimit -f 300; exec {} {SHORT} --save net.safetensors --export-json r.json",
        env!("CARGO_BIN_EXE_laptime")
    );
    for script in [format!("trap '' XFSZ; {script}"), script] {
        let done = done(home.shell(&script));
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        let says = "error: --save net.safetensors: cannot be written";
        assert!(done.stderr.contains(says), "{}", done.stderr);
        let saved = fs::read_to_string(home.path("net.safetensors"));
        assert_eq!(saved.expect("it is there"), "old");
        assert!(home.path("r.json").is_file(), "the other export is there");
        assert!(
            !names(&home.path(""))
                .iter()
                .any(|name| name.starts_with(".laptime-"))
        );
    }
}

/// As spreadsheets open files: nobody else may write to them.
#[cfg(windows)]
#[test]
fn a_file_that_another_program_has_open_is_refused_before_the_work() {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    let home = Home::new();
    fs::write(home.path("r.csv"), "old").expect("it is a temporary folder");
    let mut options = fs::OpenOptions::new();
    let _open = options
        .read(true)
        .share_mode(FILE_SHARE_READ)
        .open(home.path("r.csv"));
    let done = home.laptime(&format!("{SHORT} --export-csv r.csv"));
    assert_refused(&done, &["--export-csv r.csv: cannot be written"]);
    let left = names(&home.path(""));
    let is_temporary = |name: &String| name.starts_with(".laptime-");
    assert!(!left.iter().any(is_temporary), "{left:?}");
}

/// The counterpart of `/dev/null`, which is in every folder.
#[cfg(windows)]
#[test]
fn the_null_device_takes_everything() {
    let home = Home::new();
    let done = home.laptime(&format!("{SHORT} --save NUL --export-json nul"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let left = names(&home.path(""));
    assert!(
        !left.iter().any(|name| name.starts_with(".laptime-")),
        "{left:?}"
    );
}
