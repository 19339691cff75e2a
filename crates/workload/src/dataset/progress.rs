//! How a download tells how far it is.

/// Told of a download while it runs; the caller draws it, or not.
pub trait Progress {
    /// A transfer begins: of the `total_bytes` of `file`, `done_bytes` are already here.
    fn begin(&mut self, file: &str, total_bytes: u64, done_bytes: u64);
    /// So many more bytes are here.
    fn advance(&mut self, bytes: u64);
    /// The transfer has ended, well or not.
    fn end(&mut self);
    /// Another process is downloading the same dataset, and this one waits for it.
    fn waiting(&mut self);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &str, _: u64, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn end(&mut self) {}
    fn waiting(&mut self) {}
}
