//! Measures how fast log files become columns:
//! `cargo run --release --workspace --example read_speed -- [--source azure] [--columns a,b,c] FILES…`
//!
//! The source is cloudtrail, azure, duo or okta (default: cloudtrail).
//! Prints a JSON object a line for one thread and for as many as there are cores: megabytes of file
//! (10^6 bytes) a second of processor time (all threads together, so a core's rate) and of wall
//! time; medians of several samples. `bench/rivals/read_pandas.py` runs it beside pandas.
#![expect(clippy::print_stdout, reason = "the figures are the program's result")]

use cpu_time::ProcessTime;
use dfp_logs::LogError;
use dfp_logs::{Dialect, LogTable, ReadOptions, azure, cloudtrail, duo, okta, read};
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const SAMPLES: usize = 7;
/// A sample repeats the read for at least this long, so that small files can be measured.
const SAMPLE: Duration = Duration::from_millis(200);

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let source = option(&mut arguments, "--source");
    let columns = option(&mut arguments, "--columns");
    let columns: Option<Vec<String>> =
        columns.map(|names| names.split(',').map(str::to_owned).collect());
    let dialect = dialect(source.as_deref().unwrap_or("cloudtrail"))?;
    let files: Vec<PathBuf> = arguments.into_iter().map(PathBuf::from).collect();
    let mut bytes = 0;
    for file in &files {
        bytes += std::fs::metadata(file)?.len();
    }
    let megabytes = bytes as f64 / 1e6;
    let options = ReadOptions { columns: columns.as_deref(), ..ReadOptions::default() };
    let whole = read(dialect, &files, &ReadOptions::default(), &mut |_, _| {})?;
    let known = whole.batch.schema();
    if let Some(name) = columns.iter().flatten().find(|name| known.field_with_name(name).is_err()) {
        return Err(format!("no file has a column {name:?}").into());
    }
    drop(whole);
    let read = || read(dialect, &files, &options, &mut |_, _| {});
    for threads in [1, std::thread::available_parallelism()?.get()] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let (table, cpu, wall) = pool.install(|| measure(read))?;
        println!(
            "{{\"threads\": {threads}, \"megabytes\": {megabytes:.1}, \"rows\": {}, \"columns\": {}, \"cpu_mb_s\": {:.1}, \"wall_mb_s\": {:.1}}}",
            table.batch.num_rows(),
            table.batch.num_columns(),
            megabytes / cpu,
            megabytes / wall,
        );
    }
    Ok(())
}

/// Takes the value of an option out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> Option<String> {
    let place = arguments.iter().position(|argument| argument == name)?;
    (place + 1 < arguments.len()).then(|| arguments.drain(place..place + 2).nth(1)).flatten()
}

fn dialect(source: &str) -> Result<&'static Dialect, String> {
    match source {
        "cloudtrail" => Ok(&cloudtrail::DIALECT),
        "azure" => Ok(&azure::DIALECT),
        "duo" => Ok(&duo::DIALECT),
        "okta" => Ok(&okta::DIALECT),
        other => Err(format!("{other:?} is not one of cloudtrail, azure, duo, okta")),
    }
}

/// A table, and the median seconds of a read in processor time and in wall time.
fn measure(
    read: impl Fn() -> Result<LogTable, LogError>,
) -> Result<(LogTable, f64, f64), Box<dyn Error + Send + Sync>> {
    let table = read()?;
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let (processor, start) = (ProcessTime::try_now()?, Instant::now());
        let mut reads = 0;
        while start.elapsed() < SAMPLE {
            read()?;
            reads += 1;
        }
        wall.push(start.elapsed().as_secs_f64() / f64::from(reads));
        cpu.push(processor.try_elapsed()?.as_secs_f64() / f64::from(reads));
    }
    wall.sort_by(f64::total_cmp);
    cpu.sort_by(f64::total_cmp);
    Ok((table, cpu[SAMPLES / 2], wall[SAMPLES / 2]))
}
