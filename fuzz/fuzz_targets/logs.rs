//! Any bytes as a log file of any source and form, compressed or not; the first byte chooses the source.
#![no_main]

use dfp_io::logs::{ReadOptions, azure, cloudtrail, duo, okta, read, table};
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let dialects =
        [cloudtrail::DIALECT, azure::DIALECT, duo::DIALECT, okta::DIALECT, table::DIALECT];
    let dialect = dialects[usize::from(*first) % dialects.len()];
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    let files = [file.path().to_owned()];
    if let Ok(table) = read(&dialect, &files, &ReadOptions::default(), &mut |_, _| {}) {
        assert_eq!(table.file_rows.len(), table.batch.num_rows());
    }
});
