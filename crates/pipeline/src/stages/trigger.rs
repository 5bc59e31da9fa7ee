//! `trigger`: holds everything until the input has ended.

use crate::message::Message;
use dfp_engine::{BoxError, Outlet, Stage};

/// The stage.
#[derive(Default)]
pub struct Trigger {
    held: Vec<Message>,
}

impl Stage<Message> for Trigger {
    fn process(&mut self, message: Message, _: &mut Outlet<Message>) -> Result<(), BoxError> {
        self.held.push(message);
        Ok(())
    }

    fn finish(&mut self, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        for message in self.held.drain(..) {
            out.emit(message);
        }
        Ok(())
    }
}
