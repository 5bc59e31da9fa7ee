//! Tests of whole runs.

mod engine;
mod model;
mod parts;

use std::sync::mpsc;
use std::time::Duration;

use crate::{Failure, Options, Pipeline, Report, Rows, Stop};

#[derive(Debug, Clone, PartialEq)]
struct Batch(Vec<u32>);

impl Rows for Batch {
    fn rows(&self) -> usize {
        self.0.len()
    }
}

/// Runs a pipeline; a run that does not end fails the test instead of hanging it.
fn run_in_time(
    pipeline: Pipeline<Batch>,
    options: Options,
    stop: &Stop,
) -> Result<Report, Failure> {
    let (done, result) = mpsc::channel();
    let stop = stop.clone();
    let thread = std::thread::spawn(move || done.send(pipeline.run(&options, &stop)));
    let result = result.recv_timeout(Duration::from_secs(20)).expect("the run ends");
    thread.join().unwrap().unwrap();
    result
}
