//! `to-report`: gathers what a page says of rows, and passes them on. The run writes the page when it has
//! succeeded.

use crate::message::Message;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_report::html::aggregate::{Digest, Names, View};
use parking_lot::Mutex;
use std::sync::Arc;

/// What has been gathered, for the end of the run.
pub type SharedDigest = Arc<Mutex<Digest>>;

/// The stage.
pub struct ToReport {
    /// What the columns are called.
    pub names: Names,
    /// What has been gathered.
    pub digest: SharedDigest,
}

impl Stage<Message> for ToReport {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if message.rows.num_rows() > 0 {
            let view = View::of_user(&message.user, &message.rows, &self.names)?;
            self.digest.lock().add(&view)?;
        }
        out.emit(message);
        Ok(())
    }
}
