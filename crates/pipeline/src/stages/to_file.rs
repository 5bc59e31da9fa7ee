//! `to-file`: writes rows, under a temporary name until the run has succeeded; where the input has no
//! end, or a state folder remembers it, straight into the file.

use crate::message::Message;
use crate::plan;
use dfp_connectors::ConnectorError;
use dfp_connectors::sinks::{self, Sink};
use dfp_connectors::state::OutputMark;
use dfp_engine::{BoxError, Outcome, Outlet, Stage};
use dfp_logs::columns::INDEX;
use dfp_storage::names;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The stage.
pub struct ToFile {
    include_index: bool,
    /// `None` once it is committed or discarded.
    sink: Option<Box<dyn Sink>>,
    rows: Arc<AtomicUsize>,
}

impl ToFile {
    /// Opens the file; the rows written can be seen in `rows` after the run.
    ///
    /// # Errors
    /// The file exists and is not to be replaced, or cannot be written.
    pub fn open(settings: &plan::ToFile, rows: Arc<AtomicUsize>) -> Result<Self, ConnectorError> {
        let plan::ToFile { filename, format, overwrite, flush, .. } = settings;
        let sink = sinks::create(filename, Some(*format), *overwrite, *flush)?;
        Ok(Self { include_index: settings.include_index, sink: Some(sink), rows })
    }

    /// Opens the file to append to it, from `mark` on if it has been written before.
    ///
    /// # Errors
    /// As [`open`](Self::open), and if the file is not as the mark says.
    pub fn append(
        settings: &plan::ToFile,
        mark: Option<&OutputMark>,
        rows: Arc<AtomicUsize>,
    ) -> Result<Self, ConnectorError> {
        let plan::ToFile { filename, format, overwrite, flush, .. } = settings;
        let sink = sinks::append(filename, *format, *overwrite, *flush, mark)?;
        Ok(Self { include_index: settings.include_index, sink: Some(sink), rows })
    }
}

impl Stage<Message> for ToFile {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let mut rows = message.rows.clone();
        if !self.include_index
            && let Ok(at) = rows.schema().index_of(INDEX)
        {
            rows.remove_column(at);
        }
        if let Some(sink) = &mut self.sink {
            sink.write(&rows)?;
        }
        self.rows.fetch_add(rows.num_rows(), Ordering::Relaxed);
        if let (Some(receipt), Some(sink)) = (&message.receipt, &mut self.sink)
            && let Some(mut mark) = sink.checkpoint()?
        {
            mark.path = names::absolute(&mark.path);
            receipt.outputs.lock().push(mark);
        }
        out.emit(message);
        Ok(())
    }

    fn close(&mut self, outcome: Outcome) -> Result<(), BoxError> {
        let Some(sink) = self.sink.take() else { return Ok(()) };
        match outcome {
            Outcome::Completed => sink.commit()?,
            // What was scored is kept, but not under a name that looks complete.
            Outcome::Interrupted => {
                sink.keep_partial()?;
            }
            Outcome::Failed => sink.discard(),
        }
        Ok(())
    }
}
