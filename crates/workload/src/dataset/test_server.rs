//! A web server on this machine for tests of downloads.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

/// Answers every request by a function of its head, until the process ends.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(mut answer: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let lines = BufReader::new(&connection).lines();
                let head: Vec<String> = lines
                    .map(Result::unwrap)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let head = head.join("\n");
                let answer = answer(&head);
                seen.lock().unwrap().push(head);
                // A client that has seen enough hangs up.
                let _ = connection.write_all(&answer);
            }
        });
        Self { url, requests }
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// The byte that a request asks to begin with.
pub(crate) fn range_start(request: &str) -> Option<usize> {
    let lines = request.lines().map(str::to_lowercase);
    let start = lines
        .filter_map(|line| Some(line.strip_prefix("range: bytes=")?.to_owned()))
        .next()?;
    start.strip_suffix('-')?.parse().ok()
}

/// An answer with a head and a body; nothing sees to it that they fit.
pub(crate) fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The whole file.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    answer(
        &format!("200 OK\r\nContent-Length: {}", body.len()),
        body.as_bytes(),
    )
}

/// The file from byte `start`.
pub(crate) fn partial(file: &str, start: usize) -> Vec<u8> {
    let (total, body) = (file.len(), &file[start..]);
    let head = format!(
        "206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{total}",
        body.len(),
        total - 1
    );
    answer(&head, body.as_bytes())
}
