//! The engine: a source and a chain of stages, each on its own thread, joined by bounded channels.
//!
//! It moves messages that have rows ([`Rows`]) and knows nothing else about them. Invariants:
//!
//! 1. **Order.** Messages leave every stage in the order in which they were taken, however many
//!    workers the stage has.
//! 2. **Bounded memory.** An edge holds at most [`Options::edge_buffer_size`] messages; a full edge
//!    makes the stage before it wait. A stage with workers has at most `edge_buffer_size` + workers
//!    messages between its entry and its exit.
//! 3. **Row conservation.** For every stage, rows in + made = rows out + dropped, by reason.
//!    Checked at the end of every run that did not fail.
//! 4. **One end for all.** Whatever happens (end of the source, [`Stop`], an error, a panic), every
//!    thread ends, and every stage is then closed once, in order, with the [`Outcome`]. Nothing is
//!    closed as completed before the rows have been checked.

mod failure;
mod failures;
mod fault;
mod meter;
mod order;
mod outlet;
mod pipeline;
mod progress;
mod run;
mod stop;
#[cfg(test)]
mod tests;

pub use failure::Failure;
pub use fault::{Fault, StageError};
pub use meter::{Meters, Report, StageReport};
pub use outlet::Outlet;
pub use pipeline::{Options, Pipeline};
pub use progress::{Progress, Reporter, RowCounter, Weight};
pub use stop::Stop;

/// Whatever a source or a stage gives as the cause of its failure.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A message: the engine only ever asks how many rows it has.
pub trait Rows {
    /// Number of rows in this message.
    fn rows(&self) -> usize;
}

/// Where messages come from.
pub trait Source<M>: Send {
    /// The next message, or `None` at the end. Not called again after `None`, after an error, or
    /// once the run has been asked to [`Stop`].
    ///
    /// # Errors
    /// An error ends the run as a [`Failure`] of the source.
    fn next(&mut self) -> Result<Option<M>, BoxError>;
}

/// One step of a pipeline: takes messages, emits messages.
///
/// A sink is a stage too: it writes each message and emits it, and commits or discards in
/// [`close`](Stage::close). What the last stage emits is counted and let go.
pub trait Stage<M>: Send {
    /// Handles one message. Every row of it must be emitted, held for later, or dropped with a
    /// reason ([`Outlet::drop_rows`]).
    ///
    /// # Errors
    /// An error (or a panic) ends the run as a [`Failure`] of this stage.
    fn process(&mut self, message: M, out: &mut Outlet<M>) -> Result<(), BoxError>;

    /// End of the stream: emits what is held. Not called when the run has failed.
    ///
    /// # Errors
    /// As for [`process`](Stage::process).
    fn finish(&mut self, out: &mut Outlet<M>) -> Result<(), BoxError> {
        let _ = out;
        Ok(())
    }

    /// Called once, after all threads have ended: the place to commit or to discard.
    ///
    /// # Errors
    /// An error makes the run a [`Failure`] of this stage; stages after it are closed as failed.
    fn close(&mut self, outcome: Outcome) -> Result<(), BoxError> {
        let _ = outcome;
        Ok(())
    }

    /// Another worker to run beside this one, for a stage that keeps no state between messages.
    ///
    /// Asked until it gives `None` or [`Options::num_threads`] is reached. Workers only
    /// [`process`](Stage::process); `finish` and `close` are called on the original alone.
    fn worker(&self) -> Option<Box<dyn Stage<M>>> {
        None
    }
}

/// How a run ended, as told to [`Stage::close`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The source came to its end, every row is accounted for, and so far every stage closed well.
    Completed,
    /// [`Stop`] was set: a prefix of the source went through all stages and is accounted for.
    Interrupted,
    /// Some stage failed: what was written so far is incomplete.
    Failed,
}
