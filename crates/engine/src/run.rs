//! What each thread of a run does.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::failures::Run;
use crate::fault::Fault;
use crate::meter::Meter;
use crate::order::Order;
use crate::outlet::{Edge, Outlet};
use crate::{BoxError, Rows, Source, Stage, Stop};

/// Asks the source until it ends, the run fails, or `stop` is set; true in the last case.
pub(crate) fn drive_source<M: Rows>(
    run: &Run,
    meter: &Meter,
    source: &mut dyn Source<M>,
    edge: &Edge<M>,
    stop: &Stop,
) -> bool {
    let mut interrupted = false;
    run.guard(meter.stage(), || {
        while !run.has_failed() {
            if stop.is_set() {
                interrupted = true;
                break;
            }
            let start = Instant::now();
            let next = source.next();
            meter.worked(start, std::time::Duration::ZERO);
            let Some(message) = next? else { break };
            let rows = message.rows();
            meter.made(rows);
            meter.emitted(rows);
            edge.send(message);
        }
        Ok(())
    });
    interrupted
}

/// One stage of a run: its code, its two edges and its account.
pub(crate) struct Node<'a, M> {
    pub(crate) stage: &'a mut dyn Stage<M>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) input: Receiver<M>,
    pub(crate) edge: Edge<M>,
}

impl<M: Rows + Send> Node<'_, M> {
    /// Runs the stage to the end of its stream, on up to `num_threads` threads, this one included.
    pub(crate) fn drive(self, run: &Arc<Run>, num_threads: usize, edge_buffer_size: usize) {
        let Self { stage, meter, input, edge } = self;
        // The outlet outlives the guard: see `Run`.
        let mut outlet = Outlet::to_edge(run, &meter, edge.clone());
        run.guard(meter.stage(), || {
            let mut workers: Vec<Box<dyn Stage<M>>> = Vec::new();
            while workers.len() + 1 < num_threads
                && let Some(worker) = stage.worker()
            {
                workers.push(worker);
            }
            if workers.is_empty() {
                for message in &input {
                    if run.has_failed() {
                        break;
                    }
                    process(stage, message, &meter, &mut outlet)?;
                }
            } else {
                let window = edge_buffer_size + workers.len() + 1;
                let order = Order::new(&input, &edge, window);
                work_together(run, &meter, stage, &mut workers, &order);
            }
            if run.has_failed() {
                return Ok(());
            }
            let start = Instant::now();
            let finished = stage.finish(&mut outlet);
            meter.worked(start, outlet.take_waited());
            finished
        });
    }
}

fn work_together<M: Rows + Send>(
    run: &Arc<Run>,
    meter: &Arc<Meter>,
    stage: &mut dyn Stage<M>,
    workers: &mut [Box<dyn Stage<M>>],
    order: &Order<'_, M>,
) {
    thread::scope(|scope| {
        for worker in workers {
            let spawned = spawn(scope, meter.stage(), || work(run, meter, worker.as_mut(), order));
            if let Err(fault) = spawned {
                run.fail(meter.stage(), fault.into());
                order.abandon();
            }
        }
        work(run, meter, stage, order);
    });
}

/// Starts a thread that bears the stage's name, for debuggers and profilers.
pub(crate) fn spawn<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    stage: &str,
    body: impl FnOnce() + Send + 'scope,
) -> Result<(), Fault> {
    thread::Builder::new()
        .name(stage.replace('\0', " "))
        .spawn_scoped(scope, body)
        .map(|_handle| ())
        .map_err(Fault::NoThread)
}

fn work<M: Rows>(
    run: &Arc<Run>,
    meter: &Arc<Meter>,
    stage: &mut dyn Stage<M>,
    order: &Order<'_, M>,
) {
    let mut outlet = Outlet::holding(run, meter);
    run.guard(meter.stage(), || {
        while let Some((number, message)) = order.take() {
            if run.has_failed() {
                break;
            }
            process(stage, message, meter, &mut outlet)?;
            order.release(number, outlet.take_held());
        }
        Ok(())
    });
    if run.has_failed() {
        order.abandon();
    }
}

fn process<M: Rows>(
    stage: &mut dyn Stage<M>,
    message: M,
    meter: &Meter,
    outlet: &mut Outlet<M>,
) -> Result<(), BoxError> {
    meter.taken(message.rows());
    let start = Instant::now();
    let processed = stage.process(message, outlet);
    meter.worked(start, outlet.take_waited());
    processed
}
