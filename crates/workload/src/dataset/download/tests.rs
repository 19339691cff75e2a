use super::*;
use crate::dataset::{
    sum::sha256,
    test_server::{Server, answer, ok, partial, range_start},
};

const FILE: &str = "0123456789abcdef";

/// Adds up what it is told.
#[derive(Default)]
struct Recorder {
    done_bytes: u64,
    begun: usize,
    ended: usize,
}

impl Progress for Recorder {
    fn begin(&mut self, _: &str, total_bytes: u64, done_bytes: u64) {
        assert_eq!(total_bytes, FILE.len() as u64);
        self.done_bytes = done_bytes;
        self.begun += 1;
    }
    fn advance(&mut self, bytes: u64) {
        self.done_bytes += bytes;
    }
    fn end(&mut self) {
        self.ended += 1;
    }
    fn waiting(&mut self) {}
}

/// What is left after a download of [`FILE`] by `url`, where `part` had arrived before.
struct Outcome {
    result: Result<(), DownloadError>,
    file: Option<String>,
    part: Option<String>,
    progress: Recorder,
}

fn attempt(url: &str, part: Option<&str>) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("file");
    let part_path = folder.path().join("file.part");
    if let Some(part) = part {
        fs::write(&part_path, part).unwrap();
    }
    let wanted = Download {
        url,
        bytes: FILE.len() as u64,
        sha256: &sha256(FILE.as_bytes()),
        to: &to,
    };
    let mut progress = Recorder::default();
    let result = download(&client().proxy(None).build().into(), &wanted, &mut progress);
    assert_eq!(progress.begun, progress.ended);
    Outcome {
        result,
        file: fs::read_to_string(&to).ok(),
        part: fs::read_to_string(&part_path).ok(),
        progress,
    }
}

#[track_caller]
fn assert_arrived(outcome: &Outcome) {
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    assert_eq!(outcome.file.as_deref(), Some(FILE));
    assert_eq!(outcome.part, None);
    assert_eq!(outcome.progress.done_bytes, FILE.len() as u64);
}

#[track_caller]
fn assert_failed(outcome: &Outcome, expected: &str, part: Option<&str>) {
    let message = outcome.result.as_ref().unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
    assert_eq!(outcome.file, None);
    assert_eq!(outcome.part.as_deref(), part);
}

#[test]
fn a_file_arrives() {
    let server = Server::start(|_| ok(FILE));
    assert_arrived(&attempt(&server.url, None));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_part_is_resumed() {
    let server = Server::start(|request| partial(FILE, range_start(request).unwrap()));
    assert_arrived(&attempt(&server.url, Some(&FILE[..10])));
    assert_eq!(range_start(&server.requests()[0]), Some(10));
}

#[test]
fn a_server_that_knows_no_ranges_is_asked_for_all() {
    let server = Server::start(|_| ok(FILE));
    assert_arrived(&attempt(&server.url, Some(&FILE[..10])));
}

#[test]
fn a_whole_part_needs_no_server() {
    let outcome = attempt("http://127.0.0.1:1", Some(FILE));
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    assert_eq!(outcome.file.as_deref(), Some(FILE));
}

#[test]
fn a_wrong_part_is_thrown_away_and_the_file_fetched_whole() {
    for part in ["wrong", "wrong, and longer than the file"] {
        let server = Server::start(|request| match range_start(request) {
            Some(start) => partial(FILE, start),
            None => ok(FILE),
        });
        assert_arrived(&attempt(&server.url, Some(part)));
    }
}

#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_was() {
    let server = Server::start(|request| {
        let start = range_start(request).unwrap_or(0);
        let mut answer = if start == 0 {
            ok(FILE)
        } else {
            partial(FILE, start)
        };
        answer.truncate(answer.len() - (FILE.len() - start) / 2);
        answer
    });
    assert_arrived(&attempt(&server.url, None));
    let starts: Vec<_> = server
        .requests()
        .iter()
        .map(|request| range_start(request))
        .collect();
    assert_eq!(starts, [None, Some(8), Some(12), Some(14), Some(15)]);
}

#[test]
fn a_transfer_that_goes_no_further_fails_and_its_part_is_kept() {
    let server = Server::start(|request| match range_start(request) {
        None => answer("200 OK\r\nContent-Length: 16", &FILE.as_bytes()[..5]),
        Some(_) => answer("206 Partial Content\r\nContent-Range: bytes 5-15/16", b""),
    });
    let outcome = attempt(&server.url, None);
    assert_failed(&outcome, "broke off after 5 of 16 bytes", Some("01234"));
}

#[test]
fn wrong_contents_are_deleted() {
    let server = Server::start(|_| ok("0123456789abcdeX"));
    assert_failed(&attempt(&server.url, None), "the official file has", None);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn another_size_is_refused() {
    let longer = "0123456789abcdef-and-more";
    let table: [Vec<u8>; 4] = [
        ok(longer),
        ok("short"),
        // No length stated: the end of the connection is the end of the file.
        answer("200 OK", longer.as_bytes()),
        answer(
            "206 Partial Content\r\nContent-Range: bytes 4-15/99",
            b"456789abcdef",
        ),
    ];
    for response in table {
        let server = Server::start(move |_| response.clone());
        let outcome = attempt(&server.url, Some("0123"));
        let message = outcome.result.unwrap_err().to_string();
        assert!(
            message.contains("more or fewer than the 16 bytes"),
            "{message}"
        );
        assert_eq!(outcome.file, None);
    }
}

#[test]
fn other_answers_are_refused() {
    let table = [
        (
            "404 Not Found\r\nContent-Length: 0",
            "the server answered 404 Not Found",
        ),
        (
            "206 Partial Content\r\nContent-Range: bytes 0-15/16",
            "the server answered 206",
        ),
        (
            "416 Range Not Satisfiable\r\nContent-Length: 0",
            "the server answered 416",
        ),
        ("nonsense", "cannot be reached"),
    ];
    for (head, expected) in table {
        let server = Server::start(move |_| answer(head, b""));
        assert_failed(&attempt(&server.url, Some("0123")), expected, Some("0123"));
    }
}

#[test]
fn a_refused_connection_is_said_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_failed(&attempt(&url, None), "cannot be reached", None);
}
