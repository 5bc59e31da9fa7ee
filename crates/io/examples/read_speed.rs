//! Measures how fast log files become columns:
//! `cargo run --release -p dfp-io --example read_speed -- [--columns a,b,c] FILES…`
//!
//! Prints megabytes of file a second of one core's processor time (wall time where the system does
//! not tell processor time), and a second of wall time on all cores; medians of several runs.
#![expect(clippy::print_stdout, reason = "the figures are the program's result")]

use dfp_io::IoError;
use dfp_io::logs::LogTable;
use dfp_io::logs::cloudtrail::{self, CloudTrailOptions};
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut columns: Option<Vec<String>> = None;
    if arguments.first().is_some_and(|a| a == "--columns") && arguments.len() > 1 {
        columns = Some(arguments[1].split(',').map(str::to_owned).collect());
        arguments.drain(..2);
    }
    let files: Vec<PathBuf> = arguments.into_iter().map(PathBuf::from).collect();
    let mut bytes = 0;
    for file in &files {
        bytes += std::fs::metadata(file)?.len();
    }
    let options = CloudTrailOptions { columns: columns.as_deref(), ..CloudTrailOptions::default() };
    let read = || cloudtrail::read(&files, &options, &mut |_, _| {});
    let megabytes = bytes as f64 / 1e6;
    for threads in [1, std::thread::available_parallelism()?.get()] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let (table, cpu, wall) = pool.install(|| measure(read))?;
        print!(
            "{threads} thread(s): {:.0} MB in {:.3} s, {:.0} MB/s",
            megabytes,
            wall.as_secs_f64(),
            megabytes / wall.as_secs_f64(),
        );
        if threads == 1
            && let Some(cpu) = cpu
        {
            print!("; {:.0} MB/s of processor time", megabytes / cpu.as_secs_f64());
        }
        println!("; {} rows, {} columns", table.batch.num_rows(), table.batch.num_columns());
    }
    Ok(())
}

/// The last result, and the medians of processor time of this thread and of wall time.
fn measure(
    read: impl Fn() -> Result<LogTable, IoError>,
) -> Result<(LogTable, Option<Duration>, Duration), IoError> {
    let mut table = read()?;
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (before, start) = (processor_time(), Instant::now());
        table = read()?;
        wall.push(start.elapsed());
        cpu.extend(processor_time().zip(before).map(|(after, before)| after - before));
    }
    wall.sort();
    cpu.sort();
    Ok((table, cpu.get(RUNS / 2).copied(), wall[RUNS / 2]))
}

/// Processor time of the current thread, if the system tells it (Linux).
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
