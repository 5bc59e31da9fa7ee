//! The way out of a stage.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError};

use crate::Rows;
use crate::failures::Run;
use crate::meter::Meter;

/// Takes what a stage emits, and its account of rows made and dropped.
#[derive(Debug)]
pub struct Outlet<M> {
    meter: Arc<Meter>,
    run: Arc<Run>,
    target: Target<M>,
    waited: Duration,
}

#[derive(Debug)]
enum Target<M> {
    /// Straight to the next stage.
    Edge(Edge<M>),
    /// Kept until the message's turn has come.
    Held(Vec<M>),
}

impl<M: Rows> Outlet<M> {
    pub(crate) fn to_edge(run: &Arc<Run>, meter: &Arc<Meter>, edge: Edge<M>) -> Self {
        Self::new(run, meter, Target::Edge(edge))
    }

    pub(crate) fn holding(run: &Arc<Run>, meter: &Arc<Meter>) -> Self {
        Self::new(run, meter, Target::Held(Vec::new()))
    }

    fn new(run: &Arc<Run>, meter: &Arc<Meter>, target: Target<M>) -> Self {
        Self { meter: Arc::clone(meter), run: Arc::clone(run), target, waited: Duration::ZERO }
    }

    /// Sends a message on. Waits while the edge is full (in a stage with workers, after `process`).
    pub fn emit(&mut self, message: M) {
        self.meter.emitted(message.rows());
        match &mut self.target {
            Target::Edge(edge) => self.waited += edge.send(message),
            Target::Held(messages) => messages.push(message),
        }
    }

    /// Accounts for rows that were taken (or made) and will not be emitted.
    pub fn drop_rows(&mut self, rows: usize, reason: impl Into<Cow<'static, str>>) {
        if rows > 0 {
            self.meter.dropped(rows, reason.into());
        }
    }

    /// Accounts for rows that were not taken and will be emitted (or dropped).
    pub fn make_rows(&mut self, rows: usize) {
        self.meter.made(rows);
    }

    /// Whether the run has failed elsewhere, so that further work is wasted. A stage that works
    /// long on one message should look now and then, and return.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.run.has_failed()
    }

    /// What was emitted since the last call, if this outlet holds.
    pub(crate) fn take_held(&mut self) -> Vec<M> {
        match &mut self.target {
            Target::Edge(_) => Vec::new(),
            Target::Held(messages) => std::mem::take(messages),
        }
    }

    /// Time spent waiting for room since the last call.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }
}

/// The sending end of an edge; behind the last stage there is none.
#[derive(Debug)]
pub(crate) struct Edge<M>(pub(crate) Option<Sender<M>>);

impl<M> Clone for Edge<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> Edge<M> {
    /// Sends and tells how long there was no room. A receiver that is gone is no error here: it
    /// goes only after its stage has recorded a failure, for which every loop looks.
    pub(crate) fn send(&self, message: M) -> Duration {
        let Some(sender) = &self.0 else { return Duration::ZERO };
        let Err(TrySendError::Full(message)) = sender.try_send(message) else {
            return Duration::ZERO;
        };
        let start = Instant::now();
        let _gone = sender.send(message);
        start.elapsed()
    }
}
