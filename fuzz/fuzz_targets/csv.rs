//! Any bytes as CSV: a table or an error, and as many values as rows.
#![no_main]

use dfp_logs::csv::{CsvOptions, read};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = read(bytes, Path::new("fuzz.csv"), &CsvOptions::default()) {
        for column in &table.columns {
            assert_eq!(column.values.len(), table.positions.len());
        }
    }
});
