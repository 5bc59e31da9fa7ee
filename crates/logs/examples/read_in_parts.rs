//! Reads one file in parts, to see how much memory that takes:
//! `/usr/bin/time -v target/release/examples/read_in_parts FILE [MEGABYTES OF A PART]`
#![expect(clippy::print_stdout, reason = "the figures are the program's result")]

use dfp_logs::{ReadOptions, cloudtrail, read_in_parts};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = PathBuf::from(arguments.next().ok_or("which file?")?);
    let megabytes: usize = arguments.next().map_or(Ok(16), |text| text.parse())?;
    let (start, options) = (Instant::now(), ReadOptions::default());
    let (mut parts, mut rows, mut skipped) = (0, 0, 0);
    for part in read_in_parts(&cloudtrail::DIALECT, &file, &options, megabytes << 20)? {
        let part = part?;
        parts += 1;
        rows += part.batch.num_rows();
        skipped += part.skipped.rows();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{parts} parts, {rows} rows, {skipped} rows skipped, {seconds:.1} s");
    Ok(())
}
