//! Any texts as the cells of a log from which every operation makes columns, and any bytes as what the state
//! folder remembers. Lines: what is remembered, the mark of an output, then cells.
#![no_main]

use dfp_fuzz::{derived, texts};
use dfp_connectors::state::{FileMark, OutputMark};
use dfp_features::derive::Memory;
use dfp_features::Features;
use dfp_features::feature_file::read;
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::LazyLock;

static FEATURES: LazyLock<Vec<Features>> = LazyLock::new(|| {
    let own = include_str!("derive.toml");
    let texts = dfp_features::feature_file::built_in().map(|(_, text)| text).chain([own]);
    texts.map(|text| read("fuzz.toml", text, Path::new("")).expect("a feature file")).collect()
});

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let mut memory = Memory::default();
    let _ = memory.restore("", lines.next().unwrap_or_default().as_bytes());
    let mark = lines.next().unwrap_or_default();
    if let Ok(mark) = serde_json::from_str::<OutputMark>(mark) {
        let _ = mark.schema();
    }
    let _ = serde_json::from_str::<FileMark>(mark);
    let cells: Vec<Option<&str>> = lines.map(|cell| Some(cell).filter(|c| !c.is_empty())).collect();
    for features in FEATURES.iter() {
        let mut inputs: Vec<&str> =
            features.columns.iter().flat_map(|c| &c.inputs).map(|name| name.as_str()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let inputs = inputs.into_iter().filter(|name| !features.makes(name));
        let mut memory = memory.clone();
        derived(features, texts(inputs.map(|name| (name, cells.clone()))), &mut memory);
        for (user, bytes) in memory.changes() {
            memory.restore(&user, &bytes).expect("what was printed");
        }
    }
});
