//! Any bytes as a feature file and as a row filter: what is checked is made of a table, what is not has mistakes
//! with their places.
#![no_main]

use dfp_fuzz::{derived, folder, texts};
use dfp_features::derive::{Filter, Memory};
use dfp_features::Features;
use dfp_features::feature_file::read;
use libfuzzer_sys::fuzz_target;

const CELLS: [&str; 6] = ["1.5", "True", "10.1.2.3", "2024-02-29T13:45:10Z", "a, b", "Mozilla/5.0"];

fuzz_target!(|text: &str| {
    let table = || texts(["a", "b", "u"].map(|name| (name, CELLS.map(Some).to_vec())));
    match read("fuzz.toml", text, folder()) {
        Ok(features) => derived(&features, table(), &mut Memory::default()),
        Err(mistakes) => {
            assert!(mistakes.iter().all(|mistake| mistake.starts_with("fuzz.toml line ")));
        }
    }
    if let Ok(filter) = Filter::parse(text) {
        let features = Features { rows: Some(filter), ..Features::of_any_table() };
        derived(&features, table(), &mut Memory::default());
    }
});
