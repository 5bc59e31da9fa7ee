//! What is made of a log: the column of users and the column of times, derived columns, rows that are
//! left out, and which columns are features of which kind.
//!
//! It is written as a TOML file (`document.rs` is what was typed, [`Features`] what was checked). The
//! sources' own are files too, beside this one in `builtin/`.

pub mod column_lists;
mod read;

pub use read::{built_in, built_in_text, find, find_built_in, of_source, read};

use crate::derive::{Column, Filter, Op};
use arrow_schema::Schema;
use dfp_logs::EVENT_DT;
use dfp_logs::time::TimeColumn;
use dfp_model::config::Scaler;
use regex::Regex;
use std::collections::{BTreeMap, HashSet};

/// A checked feature file.
#[derive(Clone, Debug)]
pub struct Features {
    /// The file, or the built-in name.
    pub name: String,
    /// The stage whose logs it is made for.
    pub source: Option<String>,
    /// The column that tells users apart: one of the log, or a derived one.
    pub user: Option<String>,
    /// The column of event times: one of the log, or a derived one.
    pub time: Option<TimeColumn>,
    /// The column that identifies an event: one of the log, or a derived one.
    pub event_id: Option<String>,
    /// How long after a period's end its counts are remembered, in nanoseconds.
    pub lateness: i64,
    /// The log's columns that are passed on, by the beginnings of their names; `None`: all.
    pub keep: Option<Vec<Regex>>,
    /// The rows that are used; `None`: all.
    pub rows: Option<Filter>,
    /// Derived columns, in the order in which they are made.
    pub columns: Vec<Column>,
    /// The features.
    pub features: Vec<Feature>,
    /// Somebody has written it for their own logs: every column named is expected to be there. Logs
    /// of a service lack many of the columns that the service knows.
    pub is_own: bool,
}

/// A feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its column.
    pub column: String,
    /// What it is taken for; `None`: what its column holds.
    pub kind: Option<Kind>,
    /// How it is scaled, if it is a number; `None`: as the others.
    pub scaler: Option<Scaler>,
}

/// A column that is needed and not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absent<'a> {
    /// The derived column that it is needed for; `None`: the row filter.
    pub of: Option<&'a str>,
    /// Its name.
    pub input: &'a str,
}

/// What a feature is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// One of several texts.
    Category,
    /// Yes or no.
    Flag,
}

impl Features {
    /// What is made of a table about which nothing is known: nothing.
    pub fn of_any_table() -> Self {
        Self {
            name: String::new(),
            source: None,
            user: None,
            time: None,
            event_id: None,
            lateness: read::DAY,
            keep: None,
            rows: None,
            columns: Vec::new(),
            features: Vec::new(),
            is_own: false,
        }
    }

    /// Names of the log's columns as the reader has them: users may write them as their logs do.
    #[must_use]
    pub fn with_clean_names(mut self, clean: impl Fn(&str) -> String) -> Self {
        let made = self.columns.iter().flat_map(|column| column.outputs.clone());
        let made: HashSet<String> = made.chain([EVENT_DT.to_owned()]).collect();
        let of_log = |name: &mut String| {
            if !made.contains(name) {
                *name = clean(name);
            }
        };
        self.columns.iter_mut().flat_map(|column| &mut column.inputs).for_each(of_log);
        self.features.iter_mut().map(|feature| &mut feature.column).for_each(of_log);
        self.time.iter_mut().map(|time| &mut time.name).for_each(of_log);
        self.user.iter_mut().for_each(of_log);
        self.event_id.iter_mut().for_each(of_log);
        if let Some(rows) = &mut self.rows {
            rows.rename(&of_log);
        }
        self
    }

    /// Takes these columns for features instead of its own; their kinds are left to the data.
    #[must_use]
    pub fn with_features(mut self, columns: Vec<String>) -> Self {
        let feature = |column| Feature { column, kind: None, scaler: None };
        self.features = columns.into_iter().map(feature).collect();
        self
    }

    /// Names of the features.
    pub fn names(&self) -> Vec<String> {
        self.features.iter().map(|feature| feature.column.clone()).collect()
    }

    /// Scalers of single features.
    pub fn scalers(&self) -> BTreeMap<String, Scaler> {
        let scaler = |feature: &Feature| Some((feature.column.clone(), feature.scaler?));
        self.features.iter().filter_map(scaler).collect()
    }

    /// Whether a column of this name is made.
    pub fn makes(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.outputs.iter().any(|output| output == name))
    }

    /// The column of event times that the reader puts rows in order by; `None` if it is made of
    /// others, or is the source's own.
    pub fn time_of_log(&self) -> Option<&TimeColumn> {
        self.time.as_ref().filter(|time| !self.makes(&time.name))
    }

    /// The derived column of event times, if it is one.
    pub fn derived_time(&self) -> Option<&str> {
        self.time.as_ref().map(|time| time.name.as_str()).filter(|name| self.makes(name))
    }

    /// The log's column that tells when an event happened, where the reader makes no `event_dt`: what
    /// the derived column of times is made of.
    pub fn clock(&self) -> Option<TimeColumn> {
        let derived = self.derived_time()?;
        let column = self.columns.iter().find(|column| column.name == derived)?;
        let formats = column.op.time_formats()?.clone();
        let name = column.inputs.first().filter(|input| !self.makes(input))?.clone();
        Some(TimeColumn { name, formats, expected: false })
    }

    /// Without the columns that are made only if somebody uses them, where nobody does.
    #[must_use]
    pub fn without_unused(mut self) -> Self {
        let wanted = self.names();
        let always = self.columns.iter().filter(|column| !column.only_if_used);
        let always: Vec<String> = always.flat_map(|column| &column.outputs).cloned().collect();
        let (needed, _) = self.needed(wanted.iter().chain(&always));
        self.keep_columns(&needed);
        self
    }

    /// What is needed to make these columns, and to put rows in the order of time.
    #[must_use]
    pub fn narrowed(&self, wanted: &[String]) -> Self {
        let (needed, _) = self.needed(wanted.iter().chain(self.outliving_training()));
        let mut narrowed = self.clone();
        narrowed.keep_columns(&needed);
        narrowed
    }

    /// The columns of a log that these columns need.
    pub fn inputs_of(&self, wanted: &[String]) -> Vec<String> {
        let (_, read) = self.needed(wanted.iter().chain(self.outliving_training()));
        read.into_iter().map(str::to_owned).collect()
    }

    /// The log's columns that say who a row's user is: the column itself, or what it is made of.
    pub fn inputs_of_user(&self, user: &str) -> Vec<String> {
        let mut names = vec![user];
        for column in self.columns.iter().rev() {
            if column.outputs.iter().any(|output| names.contains(&output.as_str())) {
                names.retain(|name| !column.outputs.iter().any(|output| output == name));
                names.extend(column.inputs.iter().map(String::as_str));
            }
        }
        names.into_iter().map(str::to_owned).collect()
    }

    /// Columns that are categories by the feature file.
    pub fn categories(&self) -> Vec<String> {
        let categories = self.features.iter().filter(|f| f.kind == Some(Kind::Category));
        categories.map(|feature| feature.column.clone()).collect()
    }

    /// The log's column that identifies an event, if it is nothing else: neither a feature nor what something
    /// is made of or chosen by, which may have to be a number.
    pub fn plain_event_id(&self) -> Option<&String> {
        let id = self.event_id.as_ref()?;
        let mut used = self.columns.iter().flat_map(|column| &column.inputs);
        let is_used = self.makes(id)
            || used.any(|input| input == id)
            || self.features.iter().any(|feature| feature.column == *id)
            || self.rows.iter().flat_map(Filter::columns).any(|name| name == id);
        Some(id).filter(|_| !is_used)
    }

    /// Columns of which the cells of a CSV file are read as they are written: categories, and what identifies
    /// an event, which a gap in another row must not change.
    pub fn exact(&self) -> Vec<String> {
        let mut exact = self.categories();
        exact.extend(self.plain_event_id().cloned());
        exact
    }

    /// The columns of a log that say whose a row is, when it happened, which event it is, and whether it is used.
    pub fn inputs_of_rows(&self) -> Vec<String> {
        let (_, read) = self.needed(std::iter::empty());
        read.into_iter().map(str::to_owned).collect()
    }

    /// The columns for which scoring has to know what training has seen, features or not.
    fn outliving_training(&self) -> impl Iterator<Item = &String> {
        let outlives =
            |op: &Op| matches!(op, Op::User(counter) if counter.is_remembered_after_training());
        self.columns.iter().filter(move |column| outlives(&column.op)).map(|column| &column.name)
    }

    /// Which derived columns are needed for `wanted`, the users, the times, the rows and the events' ids,
    /// and the columns that are needed from the log.
    fn needed<'a>(
        &'a self,
        wanted: impl IntoIterator<Item = &'a String>,
    ) -> (Vec<bool>, HashSet<&'a str>) {
        let mut names: HashSet<&str> = wanted.into_iter().map(String::as_str).collect();
        names.extend(self.user.as_deref());
        names.extend(self.event_id.as_deref());
        names.extend(self.time.as_ref().map(|time| time.name.as_str()));
        names.extend(self.rows.iter().flat_map(Filter::columns));
        let mut needed = vec![false; self.columns.len()];
        // A column uses none that is made further down.
        for (column, needed) in self.columns.iter().zip(&mut needed).rev() {
            *needed = column.outputs.iter().any(|output| names.contains(output.as_str()));
            if *needed {
                for output in &column.outputs {
                    names.remove(output.as_str());
                }
                names.extend(column.inputs.iter().map(String::as_str));
            }
        }
        (needed, names)
    }

    fn keep_columns(&mut self, needed: &[bool]) {
        let mut needed = needed.iter();
        self.columns.retain(|_| needed.next() == Some(&true));
    }

    /// Columns that are neither in the log nor made before they are needed, as far as that is to be
    /// told: in a file of one's own, and for the times.
    pub fn absent_inputs(&self, schema: &Schema) -> Vec<Absent<'_>> {
        let mut made: HashSet<&str> = HashSet::new();
        let mut absent = Vec::new();
        let lacks = |made: &HashSet<&str>, name: &str| {
            schema.field_with_name(name).is_err() && !made.contains(name)
        };
        for column in &self.columns {
            let told = self.is_own || self.derived_time() == Some(&column.name);
            if told && !column.op.takes_what_there_is() {
                let inputs = column.inputs.iter().filter(|input| lacks(&made, input));
                absent.extend(inputs.map(|input| Absent { of: Some(&column.name), input }));
            }
            made.extend(column.outputs.iter().map(String::as_str));
        }
        let in_rows = self.rows.iter().flat_map(Filter::columns);
        let in_rows = in_rows.filter(|name| self.is_own && lacks(&made, name));
        absent.extend(in_rows.map(|input| Absent { of: None, input }));
        absent
    }

    /// Whether any column needs the order of a user's events.
    pub fn counts(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.op, Op::User(_)))
    }
}
