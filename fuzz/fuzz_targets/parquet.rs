//! Any bytes as a Parquet file: whole and by its groups of rows alike, or an error.
#![no_main]

use dfp_fuzz::{file, parts_are_the_whole};
use dfp_logs::table;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // A panic that the reader catches is no find; any other still ends the process.
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| parts_are_the_whole(&table::DIALECT, &file("fuzz.parquet", bytes), 1)
);
