//! Several workers on one stream, and its order restored behind them.
//!
//! A message gets its number when it is taken. What a worker made of it waits in line until all
//! earlier numbers have gone; whichever worker completes the head of the line sends on as much as
//! is ready, one worker at a time. At most `window` numbers are between the two points, so that one
//! slow message neither idles the other workers at once nor lets the line grow without bound.

use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;

use crossbeam_channel::Receiver;

use crate::outlet::Edge;

pub(crate) struct Order<'a, M> {
    input: &'a Receiver<M>,
    edge: &'a Edge<M>,
    window: u64,
    /// Numbers given so far. Held while waiting for input: whoever else wants a message waits too.
    taken: Mutex<u64>,
    line: Mutex<Line<M>>,
    /// Told when the line has moved on or was abandoned.
    moved: Condvar,
}

struct Line<M> {
    ready: BTreeMap<u64, Vec<M>>,
    /// Numbers sent on so far, hence the number whose turn it is.
    released: u64,
    releasing: bool,
    abandoned: bool,
}

impl<'a, M> Order<'a, M> {
    pub(crate) fn new(input: &'a Receiver<M>, edge: &'a Edge<M>, window: usize) -> Self {
        let line = Line { ready: BTreeMap::new(), released: 0, releasing: false, abandoned: false };
        Self {
            input,
            edge,
            window: window as u64,
            taken: Mutex::new(0),
            line: Mutex::new(line),
            moved: Condvar::new(),
        }
    }

    /// The next message and its number; `None` at the end of the stream or once abandoned.
    pub(crate) fn take(&self) -> Option<(u64, M)> {
        let mut taken = self.taken.lock();
        let mut line = self.line.lock();
        self.moved
            .wait_while(&mut line, |line| !line.abandoned && *taken - line.released >= self.window);
        if line.abandoned {
            return None;
        }
        drop(line);
        let message = self.input.recv().ok()?;
        let number = *taken;
        *taken += 1;
        Some((number, message))
    }

    /// Puts what was made of message `number` in line, and sends on what is ready.
    pub(crate) fn release(&self, number: u64, messages: Vec<M>) {
        let mut line = self.line.lock();
        line.ready.insert(number, messages);
        if line.releasing {
            return;
        }
        line.releasing = true;
        loop {
            let turn = line.released;
            let Some(messages) = line.ready.remove(&turn) else { break };
            drop(line);
            for message in messages {
                self.edge.send(message);
            }
            line = self.line.lock();
            line.released += 1;
            self.moved.notify_all();
        }
        line.releasing = false;
    }

    /// Gives up: a number will never be released, so nobody may wait for it.
    pub(crate) fn abandon(&self) {
        self.line.lock().abandoned = true;
        self.moved.notify_all();
    }
}
