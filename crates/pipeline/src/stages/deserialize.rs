//! `deserialize`: cuts rows into messages.

use crate::message::Message;
use dfp_engine::{BoxError, Outlet, Stage};
use std::sync::Arc;

/// The stage.
pub struct Deserialize {
    /// Rows a message.
    pub batch_size: usize,
}

/// Sends a message on in pieces of at most `batch_size` rows, in order; the last one has the receipt.
pub fn cut(message: Message, batch_size: usize, out: &mut Outlet<Message>) {
    let Message { user, rows, chosen, receipt, .. } = message;
    let part = |rows| Message { chosen: chosen.clone(), ..Message::new(Arc::clone(&user), rows) };
    let mut start = 0;
    while rows.num_rows() - start > batch_size {
        out.emit(part(rows.slice(start, batch_size)));
        start += batch_size;
    }
    let rest = rows.slice(start, rows.num_rows() - start);
    out.emit(Message { receipt, ..part(rest) });
}

impl Stage<Message> for Deserialize {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        cut(message, self.batch_size, out);
        Ok(())
    }
}
