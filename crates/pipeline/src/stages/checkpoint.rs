//! The end of every chain with a state folder: what a batch has done is remembered once its rows are
//! on the disk.

use crate::message::Message;
use dfp_connectors::state::{Commit, StateDir};
use dfp_engine::{BoxError, Outlet, Stage};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The stage.
pub struct Remember {
    /// Where it is remembered.
    pub state: Arc<StateDir>,
}

impl Stage<Message> for Remember {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if let Some(receipt) = &message.receipt {
            let outputs = receipt.outputs.lock();
            let history = receipt.history.lock();
            let windows = receipt.windows.lock();
            let alerts = receipt.alerts.lock();
            self.state.commit(&Commit {
                files: &receipt.files,
                rows: &receipt.rows,
                memory: &receipt.memory,
                history: &history,
                outputs: &outputs,
                alerts: alerts.as_deref(),
                windows: &windows,
                event_ids: &receipt.event_ids,
            })?;
            receipt.committed.store(true, Ordering::Release);
        }
        out.emit(message);
        Ok(())
    }
}
