#![no_main]
#[path = "../entries.rs"]
#[allow(dead_code, reason = "every target has one of them")]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    entries::text(data);
});
