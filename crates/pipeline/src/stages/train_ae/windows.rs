//! Each user's newest rows, which models are learnt from: in memory, or in the state folder, from where
//! they come back for a user's next message.

use crate::error::RunError;
use crate::message::BatchAck;
use crate::retrain::{joined, ordered, plain};
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use dfp_connectors::state::{Part, StateDir, WindowChange};
use dfp_logs::columns::INDEX;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A window in more parts than this becomes one.
const MOST_PARTS: usize = 8;

/// The windows of all users.
pub(super) struct Windows {
    longest: usize,
    /// The features that are asked for: an earlier run may have learnt others.
    columns: Vec<String>,
    state: Option<Arc<StateDir>>,
    /// Those in memory: without a state folder all, else of the batches on their way.
    users: HashMap<Arc<str>, Window>,
    /// What the batch that is coming in adds.
    changes: Vec<(Arc<str>, WindowChange)>,
    /// Batches that are not yet remembered, and their users.
    on_their_way: VecDeque<(Arc<BatchAck>, Vec<Arc<str>>)>,
}

struct Window {
    /// Features and times, in the order of time.
    rows: RecordBatch,
    /// Parts that it has in the state folder.
    parts: usize,
    /// Batches on their way that have rows of this user.
    batches: usize,
}

impl Windows {
    /// Windows of the newest rows, as many as `longest`.
    pub(super) fn new(longest: usize, columns: Vec<String>, state: Option<Arc<StateDir>>) -> Self {
        let (users, changes, on_their_way) = Default::default();
        Self { longest, columns, state, users, changes, on_their_way }
    }

    /// A user's window with these rows in it.
    ///
    /// # Errors
    /// The state folder cannot be read, or rows of a kind that cannot be kept.
    pub(super) fn with(
        &mut self,
        user: &Arc<str>,
        features: &RecordBatch,
    ) -> Result<RecordBatch, RunError> {
        let (mut kept, mut parts, batches) = match self.users.remove(user) {
            Some(window) => (vec![window.rows], window.parts, window.batches),
            None => {
                let kept = self.state.as_ref().map(|state| state.window(user)).transpose()?;
                let kept = kept.unwrap_or_default();
                let parts = kept.len();
                (kept, parts, 0)
            }
        };
        let further = plain(features)?;
        kept.push(further.clone());
        let rows = self.asked_for(&ordered(&joined(&kept)?)?)?;
        let newest = self.longest.min(rows.num_rows());
        let rows = rows.slice(rows.num_rows() - newest, newest);
        if self.state.is_some() {
            let encode = |rows| Part::encode(rows).map_err(RunError::Failed);
            let change = if parts >= MOST_PARTS {
                parts = 1;
                WindowChange::Whole(encode(&rows)?)
            } else {
                parts += 1;
                WindowChange::Further(encode(&further)?)
            };
            self.changes.push((Arc::clone(user), change));
        }
        self.users.insert(Arc::clone(user), Window { rows: rows.clone(), parts, batches });
        Ok(rows)
    }

    fn asked_for(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema = rows.schema();
        let is_asked = |name: &String| *name == INDEX || self.columns.contains(name);
        let fields = schema.fields().iter().enumerate();
        let at: Vec<usize> =
            fields.filter(|(_, field)| is_asked(field.name())).map(|(at, _)| at).collect();
        rows.project(&at)
    }

    /// The batch has come in: its rows are remembered when it is, and leave memory when that is done.
    pub(super) fn end_batch(&mut self, receipt: &Arc<BatchAck>) {
        if self.state.is_none() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        let mut users: Vec<Arc<str>> = changes.iter().map(|(user, _)| Arc::clone(user)).collect();
        users.sort_unstable();
        users.dedup();
        for user in &users {
            if let Some(window) = self.users.get_mut(user) {
                window.batches += 1;
            }
        }
        receipt.windows.lock().extend(changes);
        self.on_their_way.push_back((Arc::clone(receipt), users));
        while let Some((receipt, _)) = self.on_their_way.front()
            && receipt.committed.load(Ordering::Acquire)
            && let Some((_, users)) = self.on_their_way.pop_front()
        {
            for user in users {
                if let Some(window) = self.users.get_mut(&user) {
                    window.batches -= 1;
                    if window.batches == 0 {
                        self.users.remove(&user);
                    }
                }
            }
        }
    }
}
