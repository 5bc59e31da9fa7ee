//! A chain of stages, and its run.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};

use crate::failures::Run;
use crate::meter::Meter;
use crate::outlet::Edge;
use crate::run::{Node, drive_source, spawn};
use crate::{BoxError, Failure, Meters, Outcome, Report, Rows, Source, Stage, StageError, Stop};

/// How a pipeline runs. Neither number changes the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Messages that an edge between two stages holds before the first one waits; 0 counts as 1.
    pub edge_buffer_size: usize,
    /// Threads that a stage with workers may use; 0 counts as 1. Every other stage has one.
    pub num_threads: usize,
}

/// A source and a chain of stages.
pub struct Pipeline<M> {
    source: Box<dyn Source<M>>,
    stages: Vec<Box<dyn Stage<M>>>,
    /// One a node, the source first.
    meters: Vec<Arc<Meter>>,
}

impl<M: Rows + Send> Pipeline<M> {
    /// A pipeline that only has a source.
    #[must_use]
    pub fn new(source_name: impl Into<String>, source: Box<dyn Source<M>>) -> Self {
        let meters = vec![Arc::new(Meter::new(source_name.into()))];
        Self { source, stages: Vec::new(), meters }
    }

    /// Adds a stage behind the last one.
    #[must_use]
    pub fn stage(mut self, name: impl Into<String>, stage: Box<dyn Stage<M>>) -> Self {
        self.stages.push(stage);
        self.meters.push(Arc::new(Meter::new(name.into())));
        self
    }

    /// The live counts of the coming run.
    #[must_use]
    pub fn meters(&self) -> Meters {
        Meters(self.meters.clone())
    }

    /// Runs to the end of the source, or until `stop` is set, and closes every stage.
    ///
    /// The source runs on the calling thread.
    ///
    /// # Errors
    /// [`Failure`] if the source or a stage gave an error or panicked, if a stage lost rows or made
    /// some that it did not account for, or if a stage could not be closed.
    pub fn run(mut self, options: &Options, stop: &Stop) -> Result<Report, Failure> {
        let start = Instant::now();
        let run = Arc::new(Run::default());
        let interrupted = self.drive(&run, options, stop);
        if !run.has_failed() {
            self.check_rows(&run);
        }
        let outcome = if interrupted { Outcome::Interrupted } else { Outcome::Completed };
        self.close(&run, outcome);

        let report =
            Report { interrupted, elapsed: start.elapsed(), stages: self.meters().snapshot() };
        let mut failures = run.take_failures().into_iter();
        match failures.next() {
            None => Ok(report),
            Some(StageError { stage, cause }) => {
                Err(Failure { stage, cause, further: failures.collect(), report })
            }
        }
    }

    /// Runs all threads to their end; true if `stop` cut the source short.
    fn drive(&mut self, run: &Arc<Run>, options: &Options, stop: &Stop) -> bool {
        let edge_buffer_size = options.edge_buffer_size.max(1);
        let num_threads = options.num_threads.max(1);
        let (edges, inputs) = edges(self.stages.len(), edge_buffer_size);
        let mut edges = edges.into_iter();
        let source_edge = edges.next().unwrap_or(Edge(None));
        let meters = &self.meters;
        let (source, stages) = (&mut self.source, &mut self.stages);
        thread::scope(|scope| {
            // In the order of the stream: where a thread cannot be started, nothing runs behind it
            // that could take the loss of its edge for the end of the stream.
            let nodes = stages.iter_mut().zip(&meters[1..]).zip(inputs.into_iter().zip(edges));
            for ((stage, meter), (input, edge)) in nodes {
                let node = Node { stage: stage.as_mut(), meter: Arc::clone(meter), input, edge };
                let spawned = spawn(scope, meter.stage(), move || {
                    node.drive(run, num_threads, edge_buffer_size);
                });
                if let Err(fault) = spawned {
                    run.fail(meter.stage(), fault.into());
                }
            }
            let interrupted = drive_source(run, &meters[0], source.as_mut(), &source_edge, stop);
            // The end of the stream, and only now: see `Run`.
            drop(source_edge);
            interrupted
        })
    }

    fn check_rows(&self, run: &Run) {
        for meter in &self.meters {
            run.guard(meter.stage(), || {
                meter.snapshot().check_conservation().map_err(BoxError::from)
            });
        }
    }

    fn close(&mut self, run: &Run, outcome: Outcome) {
        for (stage, meter) in self.stages.iter_mut().zip(&self.meters[1..]) {
            let outcome = if run.has_failed() { Outcome::Failed } else { outcome };
            let start = Instant::now();
            run.guard(meter.stage(), || stage.close(outcome));
            meter.worked(start, std::time::Duration::ZERO);
        }
    }
}

/// The sending ends of the source and of each stage (the last has none behind it), and the
/// receiving ends of the stages.
fn edges<M>(stages: usize, size: usize) -> (Vec<Edge<M>>, Vec<Receiver<M>>) {
    let (mut edges, inputs): (Vec<_>, Vec<_>) = (0..stages)
        .map(|_| bounded(size))
        .map(|(sender, receiver)| (Edge(Some(sender)), receiver))
        .unzip();
    edges.push(Edge(None));
    (edges, inputs)
}
