//! Any bytes as a compressed table (gzip, zstd, bzip2, xz): unpacked at once and piece by piece alike, or an error.
#![no_main]

use dfp_fuzz::{file, parts_are_the_whole};
use dfp_logs::table;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parts_are_the_whole(&table::DIALECT, &file("fuzz.gz", bytes), 100));
