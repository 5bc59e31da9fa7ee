//! `morpheus tools bench`.

use crate::arguments::Usage;
use crate::exit::{DONE, FAILED, INTERRUPTED, refuse};
use crate::print::{err, out};
use crate::summary::{count, grouped};
use dfp_config::plan::{self, OptionTexts};
use dfp_engine::Stop;
use dfp_pipeline::RunError;
use dfp_pipeline::measure::{self, Figures, MeasureOptions, REPEATS, Work};
use dfp_pipeline::plan::Architecture;
use dfp_synth::LogFormat;
use std::fmt::Write;

/// Users of the estimate.
const USERS: usize = 1_000;
/// Rows of each: so many that they are trained in the batches that were measured. With 1,000 the
/// peer's network takes batches of 166, and a sixth longer a row.
const ROWS: usize = 4_000;

/// Measures this machine and prints a table; the exit code.
pub fn run(texts: &OptionTexts) -> u8 {
    let options = match plan::check_bench(texts) {
        Ok(options) => options,
        Err(mistakes) => {
            return refuse(&Usage { mistakes, command: "morpheus tools bench".into() });
        }
    };
    let stop = Stop::new();
    let handler_stop = stop.clone();
    // Without a handler Ctrl+C still ends this, and leaves the temporary logs.
    let _ = ctrlc::set_handler(move || handler_stop.set());
    out(&machine(&options));
    err(&format!(
        "measuring: {}, at least {}",
        count(options.rounds, "round"),
        duration(options.least_seconds())
    ));
    match measure::measure(&options, &stop) {
        Ok(figures) => {
            out(table(&options, &figures).trim_end());
            DONE
        }
        Err(RunError::Interrupted) => INTERRUPTED,
        Err(error) => {
            err(&format!("error: {error}"));
            FAILED
        }
    }
}

fn machine(options: &MeasureOptions) -> String {
    format!(
        "version  {}\nkernels  {}\nCPUs     {}\nthreads  {}\n",
        env!("CARGO_PKG_VERSION"),
        measure::instruction_set(),
        plan::cpus(),
        options.compute_threads
    )
}

/// Name, unit, and a cell for each number of threads.
type Row = (String, &'static str, Vec<String>);

/// The rows of the table: of training two, since it has two units.
fn rows(figures: &Figures) -> Vec<Row> {
    let mut rows = Vec::new();
    for rate in &figures.rates {
        let (name, unit, scale) = match rate.work {
            Work::Train(architecture) => (training(architecture), "rows/s", 1.0),
            Work::ScoreDistinct => ("score peer, distinct rows".to_owned(), "rows/s", 1.0),
            Work::ScoreRepeated => (format!("score peer, each row {REPEATS} times"), "rows/s", 1.0),
            Work::Read(LogFormat::Csv) => ("read CSV".to_owned(), "MB/s", 1e-6),
            Work::Read(LogFormat::Json) => ("read CloudTrail JSON".to_owned(), "MB/s", 1e-6),
        };
        let scaled = |scale: f64| rate.per_second.iter().map(|r| figure(r * scale)).collect();
        rows.push((name.clone(), unit, scaled(scale)));
        if let Some(flops) = rate.flops_a_row {
            rows.push((name, "GFLOP/s", scaled(flops / 1e9)));
        }
    }
    rows
}

/// The table, what its figures are, and what they mean; each line ended.
fn table(options: &MeasureOptions, figures: &Figures) -> String {
    let heads = figures.threads.iter().map(|&threads| count(threads, "thread")).collect();
    let mut rows = rows(figures);
    rows.insert(0, (String::new(), "", heads));
    let name_width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let cells = rows.iter().flat_map(|(.., cells)| cells);
    let cell_width = cells.map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (name, unit, cells) in &rows {
        let _ = write!(text, "{name:<name_width$}  {unit:<7}");
        for cell in cells {
            let _ = write!(text, "  {cell:>cell_width$}");
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "\nmedians of {}; one thread in processor time, several in real time, which other\n\
         programs at work lengthen; training is one user a thread, rows count once an epoch; GFLOP/s\n\
         count the dense layers; a MB is 10^6 bytes\n",
        count(options.rounds, "round")
    );
    estimate(&mut text, figures);
    text
}

/// What the rates mean for a run.
fn estimate(text: &mut String, figures: &Figures) {
    let threads = figures.threads.last().copied().unwrap_or(1);
    let _ = writeln!(
        text,
        "estimate from these rates: to train {} of {} each on {} takes",
        count(USERS, "user"),
        count(ROWS, "row"),
        count(threads, "thread"),
    );
    for architecture in [Architecture::Peer, Architecture::Compact] {
        let seconds = figures.training_seconds(architecture, USERS, ROWS);
        let epochs = count(measure::epochs(architecture, ROWS), "epoch");
        let _ = writeln!(text, "  {:<8} {epochs}, {}", name(architecture), duration(seconds));
    }
}

fn name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Peer => "peer",
        Architecture::Compact => "compact",
    }
}

/// "train peer (512,500|512, batch 512)"
fn training(architecture: Architecture) -> String {
    let config = measure::config(architecture);
    let widths =
        |layers: &[usize]| layers.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    format!(
        "train {} ({}|{}, batch {})",
        name(architecture),
        widths(&config.encoder_layers),
        widths(&config.decoder_layers),
        config.batch_size
    )
}

/// Three digits or more, grouped.
fn figure(value: f64) -> String {
    match value {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => grouped(value.round() as usize),
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        0.0..90.0 => format!("{seconds:.1} s"),
        90.0..5_400.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dfp_pipeline::measure::Rate;

    #[test]
    fn the_table_is_aligned_and_says_what_it_means() {
        let rate = |work, per_second: f64, flops_a_row| Rate {
            work,
            per_second: vec![per_second, 2.0 * per_second],
            flops_a_row,
        };
        let figures = Figures {
            threads: vec![1, 2],
            rates: vec![
                rate(Work::Train(Architecture::Peer), 12_345.4, Some(4e6)),
                rate(Work::Train(Architecture::Compact), 1e6, Some(3e4)),
                rate(Work::Read(LogFormat::Csv), 456.7e6, None),
            ],
        };
        let options = MeasureOptions { rounds: 5, compute_threads: 2 };
        assert_eq!(
            table(&options, &figures),
            "                                               1 thread  2 threads
train peer (512,500|512, batch 512)  rows/s      12,345     24,691
train peer (512,500|512, batch 512)  GFLOP/s       49.4       98.8
train compact (64,16|64, batch 128)  rows/s   1,000,000  2,000,000
train compact (64,16|64, batch 128)  GFLOP/s       30.0       60.0
read CSV                             MB/s           457        913

medians of 5 rounds; one thread in processor time, several in real time, which other
programs at work lengthen; training is one user a thread, rows count once an epoch; GFLOP/s
count the dense layers; a MB is 10^6 bytes

estimate from these rates: to train 1,000 users of 4,000 rows each on 2 threads takes
  peer     25 epochs, 67.5 min
  compact  7 epochs, 14.0 s
"
        );
    }

    #[test]
    fn small_figures_keep_their_digits() {
        assert_eq!(figure(0.126), "0.13");
        assert_eq!(figure(99.94), "99.9");
        assert_eq!(figure(1234.5), "1,235");
        assert_eq!(duration(9_000.0), "2.5 h");
    }
}
