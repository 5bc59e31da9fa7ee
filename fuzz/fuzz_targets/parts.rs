//! Any bytes as a log file that is read in parts: they are the whole. The first byte chooses the source, the
//! second one the size of parts.
#![no_main]

use dfp_fuzz::{DIALECTS, file, parts_are_the_whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [first, size, bytes @ ..] = bytes else { return };
    let first = usize::from(*first);
    let name = if first & 0x40 == 0 { "fuzz.json" } else { "fuzz.csv" };
    let dialect = DIALECTS[first % DIALECTS.len()];
    parts_are_the_whole(&dialect, &file(name, bytes), usize::from(*size));
});
