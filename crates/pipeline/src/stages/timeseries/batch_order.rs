//! The order of batches: nothing of a batch leaves before everything of the batch before has left, and the
//! last message of a batch that leaves carries its receipt.
//!
//! So the written length that a receipt is committed with holds the rows of whole batches, and a run
//! that was killed reads again exactly what is not written.

use crate::message::{BatchAck, Message};
use std::collections::VecDeque;
use std::sync::Arc;

/// The batches that have come and not wholly left.
#[derive(Default)]
pub(super) struct Gate {
    open: VecDeque<Batch>,
    /// Number of the first of them.
    first: usize,
}

#[derive(Default)]
struct Batch {
    /// Messages that have entered and are not ready to leave.
    held: usize,
    ready: Vec<Message>,
    /// `None` while more of the batch is to come.
    receipt: Option<Arc<BatchAck>>,
}

impl Gate {
    /// A message comes; the number of its batch.
    pub(super) fn enter(&mut self) -> usize {
        match self.open.back_mut() {
            Some(batch) if batch.receipt.is_none() => batch.held += 1,
            _ => self.open.push_back(Batch { held: 1, ..Batch::default() }),
        }
        self.first + self.open.len() - 1
    }

    /// The batch that is coming is complete.
    pub(super) fn close(&mut self, receipt: Arc<BatchAck>) {
        if let Some(batch) = self.open.back_mut() {
            batch.receipt = Some(receipt);
        }
    }

    /// A message of this batch may leave.
    pub(super) fn leave(&mut self, batch: usize, message: Message) {
        if let Some(batch) = batch.checked_sub(self.first).and_then(|at| self.open.get_mut(at)) {
            batch.held -= 1;
            batch.ready.push(message);
        }
    }

    /// The messages whose turn it is.
    pub(super) fn take(&mut self) -> Vec<Message> {
        let mut leaving = Vec::new();
        while let Some(batch) = self.open.front_mut() {
            let is_over = batch.held == 0 && batch.receipt.is_some();
            if is_over && let Some(last) = batch.ready.last_mut() {
                last.receipt = batch.receipt.take();
            }
            leaving.append(&mut batch.ready);
            if !is_over {
                break;
            }
            self.open.pop_front();
            self.first += 1;
        }
        leaving
    }
}
