//! Any bytes as a feature file and as a row filter: one that is checked, or mistakes with their places.
#![no_main]

use dfp_pipeline::derive::Filter;
use dfp_pipeline::features::read;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(mistakes) = read("fuzz.toml", text, Path::new("/nowhere")) {
        assert!(mistakes.iter().all(|mistake| mistake.starts_with("fuzz.toml line ")));
    }
    let _ = Filter::parse(text);
});
