//! Which columns say whose a row is. A row of somebody else is put among a user's rows with the user's
//! own values there: otherwise every address, name and key would tell it at once, whatever it did.

use super::folds::History;
use super::log::Log;
use arrow_array::{Array, RecordBatch};
use dfp_features::derive::Cells;
use dfp_logs::EVENT_DT;
use dfp_pipeline::RunError;
use std::collections::HashMap;

/// From this share of the rows with a value on, one that only one user has is no coincidence.
const NEARLY_ALL: f64 = 0.95;
/// From this share of different values on, nearly every row has a value of its own: it tells nobody,
/// since the user's own rows have new ones too.
const NEARLY_UNIQUE: f64 = 0.9;

/// What is done with each column of the log when a row's content is replaced.
pub(super) struct Columns {
    pub(super) of: Vec<Role>,
}

/// What a column is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The row itself: whose it is, when it happened, whether it is used. It never changes.
    Row,
    /// Who acts. It stays the user's own.
    Identity,
    /// A value of its own in nearly every row. It comes along, and says nothing.
    Unique,
    /// What is done. It is replaced.
    Action,
}

impl Columns {
    /// Positions of the columns with a role.
    pub(super) fn with(&self, role: Role) -> impl Iterator<Item = usize> {
        let roles = self.of.iter().enumerate();
        roles.filter(move |(_, of)| **of == role).map(|(at, _)| at)
    }

    /// The names of the columns that stay the user's own, sorted.
    pub(super) fn identity_names(&self, log: &Log) -> Vec<String> {
        let schema = log.table.batch.schema();
        let mut names: Vec<String> =
            self.with(Role::Identity).map(|at| schema.field(at).name().clone()).collect();
        names.sort();
        names
    }
}

/// The role of each column of the log, measured over the rows of all tested users.
pub(super) fn columns(log: &Log, histories: &[History]) -> Result<Columns, RunError> {
    let batch = &log.table.batch;
    let rows = log.features.inputs_of_rows();
    let schema = batch.schema();
    let of = schema.fields().iter().map(|field| {
        let name = field.name();
        match name == EVENT_DT || rows.contains(name) {
            true => Ok(Role::Row),
            false => role(batch, name, histories),
        }
    });
    Ok(Columns { of: of.collect::<Result<_, RunError>>()? })
}

fn role(batch: &RecordBatch, name: &str, histories: &[History]) -> Result<Role, RunError> {
    let texts = Cells::of(batch, name).texts()?;
    let texts: Vec<Option<&str>> = texts.iter().collect();
    // Of each value its rows, the first of its users, and whether others have it too.
    let mut values: HashMap<&str, (usize, usize, bool)> = HashMap::new();
    let mut present = 0;
    for (user, history) in histories.iter().enumerate() {
        for text in history.rows.iter().filter_map(|row| texts[*row as usize]) {
            let value = values.entry(text).or_insert((0, user, false));
            value.0 += 1;
            value.2 |= value.1 != user;
            present += 1;
        }
    }
    let share = |rows: usize| rows as f64 / present.max(1) as f64;
    let of_one: usize = values.values().filter(|value| !value.2).map(|value| value.0).sum();
    let is_number = batch.column_by_name(name).is_some_and(|c| c.data_type().is_floating());
    Ok(match () {
        // Measurements hardly repeat, and are no names.
        () if is_number => Role::Action,
        () if present > 0 && share(values.len()) >= NEARLY_UNIQUE => Role::Unique,
        () if histories.len() > 1 && present > 0 && share(of_one) >= NEARLY_ALL => Role::Identity,
        () => Role::Action,
    })
}

/// Which of the identity columns of a row have no value. Values are taken from rows that lack the same
/// ones: a message of an error without an error, say, would tell a row that was put together.
pub(super) struct Gaps<'a> {
    columns: Vec<&'a dyn Array>,
}

impl<'a> Gaps<'a> {
    pub(super) fn new(batch: &'a RecordBatch, columns: &Columns) -> Self {
        let columns = columns.with(Role::Identity).map(|at| batch.column(at).as_ref());
        Self { columns: columns.collect() }
    }

    pub(super) fn of(&self, row: u32) -> Vec<bool> {
        // Texts are dictionaries of their values, never of missing ones.
        self.columns.iter().map(|column| column.is_null(row as usize)).collect()
    }
}
