//! Any bytes as a CloudTrail file of any form, gzip included.
#![no_main]

use dfp_io::logs::cloudtrail::{CloudTrailOptions, read};
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    if let Ok(table) = read(&[file.path().to_owned()], &CloudTrailOptions::default(), &mut |_, _| {}) {
        assert_eq!(table.file_rows.len(), table.batch.num_rows());
    }
});
