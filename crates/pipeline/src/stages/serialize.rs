//! `serialize`: chooses the columns to write.

use crate::message::Message;
use crate::plan::SerializeSettings;
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, Field, FieldRef, Schema, SchemaRef};
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_engine::{Reporter, Weight};
use dfp_features::own_columns;
use dfp_logs::columns::INDEX;
use regex::Regex;
use std::sync::Arc;

/// The stage.
pub struct Serialize {
    settings: SerializeSettings,
    /// The columns of the first message, if all messages are to have them.
    first: Option<SchemaRef>,
    /// Told once when later messages have further columns.
    reporter: Arc<dyn Reporter>,
    told: bool,
}

impl Serialize {
    /// A stage with these options; `columns` are those of an output that is gone on with.
    pub fn new(
        settings: SerializeSettings,
        columns: Option<SchemaRef>,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        let first = columns.filter(|_| settings.fixed_columns);
        Self { settings, first, reporter, told: false }
    }

    /// Says which columns of `rows` the first message did not have.
    fn tell_of_further(&mut self, first: &SchemaRef, rows: &RecordBatch) {
        let schema = rows.schema();
        let names = schema.fields().iter().map(|field| field.name());
        let further: Vec<&str> =
            names.filter(|name| first.index_of(name).is_err()).map(String::as_str).collect();
        if self.told || further.is_empty() {
            return;
        }
        self.told = true;
        let shown = further[..further.len().min(5)].join(", ");
        let more = match further.len() {
            n if n > 5 => format!(" and {} more", n - 5),
            _ => String::new(),
        };
        let text = format!(
            "serialize: later rows have columns that the first rows did not have, and they are left out: {shown}{more}; --include says which columns are wanted"
        );
        self.reporter.say(Weight::Warning, &text);
    }

    /// Kept: the row number, and what an include pattern matches (all, without patterns) and no
    /// exclude pattern does.
    /// A column of ours that has given way to one of the log is also known by its usual name.
    fn keeps(&self, schema: &Schema, name: &str) -> bool {
        let Some(SerializeSettings { include, exclude, .. }) =
            (name != INDEX).then_some(&self.settings)
        else {
            return true;
        };
        let usual = own_columns::without_prefix(schema, name);
        let matches = |pattern: &Regex| pattern.is_match(name) || pattern.is_match(usual);
        (include.is_empty() || include.iter().any(matches)) && !exclude.iter().any(matches)
    }

    fn choose(&mut self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema = rows.schema();
        let kept: Vec<usize> = (0..schema.fields().len())
            .filter(|&i| self.keeps(&schema, schema.field(i).name()))
            .collect();
        let rows = rows.project(&kept)?;
        match self.first.clone() {
            Some(first) if first != rows.schema() => {
                self.tell_of_further(&first, &rows);
                with_columns_of(&first, &rows)
            }
            Some(_) => Ok(rows),
            None => {
                self.first = self.settings.fixed_columns.then(|| rows.schema());
                Ok(rows)
            }
        }
    }
}

/// `rows` with just the columns of `schema`: further ones left out, missing ones empty. Values stay as they
/// are, whatever type the first rows had: a column of numbers may hold text later on.
fn with_columns_of(schema: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |field: &FieldRef| match rows.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => new_null_array(field.data_type(), rows.num_rows()),
    };
    let arrays: Vec<ArrayRef> = schema.fields().iter().map(column).collect();
    let named = schema.fields().iter().zip(&arrays);
    let fields: Vec<Field> = named
        .map(|(field, array)| Field::new(field.name(), array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

impl Stage<Message> for Serialize {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        message.rows = self.choose(&message.rows)?;
        message.encoded = None;
        message.scores = None;
        out.emit(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, StringArray};

    fn table(names: &[&str]) -> RecordBatch {
        let cell: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        RecordBatch::try_from_iter_with_nullable(
            names.iter().map(|&name| (name, Arc::clone(&cell), true)),
        )
        .unwrap()
    }

    fn names(rows: &RecordBatch) -> Vec<String> {
        rows.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn stage(include: &[&str], exclude: &[&str], fixed_columns: bool) -> Serialize {
        let patterns = |texts: &[&str]| {
            texts.iter().map(|t| Regex::new(&format!("^(?:{t})")).unwrap()).collect()
        };
        let settings = SerializeSettings {
            include: patterns(include),
            exclude: patterns(exclude),
            fixed_columns,
        };
        Serialize::new(settings, None, Arc::new(Told::default()))
    }

    /// What was said.
    #[derive(Default)]
    struct Told(parking_lot::Mutex<Vec<String>>);

    impl Reporter for Told {
        fn say(&self, _: Weight, text: &str) {
            self.0.lock().push(text.to_owned());
        }
        fn progress(&self, _: dfp_engine::Progress<'_>) {}
        fn phase_over(&self) {}
    }

    #[test]
    fn columns_that_come_later_are_told_once() {
        let told = Arc::new(Told::default());
        let settings =
            SerializeSettings { include: Vec::new(), exclude: Vec::new(), fixed_columns: true };
        let first = table(&["a", "b"]).schema();
        let mut stage = Serialize::new(settings, Some(first), told.clone());
        let kept = stage.choose(&table(&["b", "c"])).unwrap();
        assert_eq!(names(&kept), ["a", "b"], "the columns of the output that was there");
        stage.choose(&table(&["c", "d"])).unwrap();
        let told = told.0.lock();
        assert!(told.len() == 1 && told[0].contains("are left out: c;"), "{told:?}");
    }

    #[test]
    fn patterns_match_at_the_start_of_a_name_and_exclude_goes_last() {
        let rows = table(&["", "eventName", "eventSource", "ID", "my_event", "_ts_x"]);
        let chosen = stage(&[], &["^ID$", "^_ts_"], true).choose(&rows).unwrap();
        assert_eq!(names(&chosen), ["", "eventName", "eventSource", "my_event"]);
        let chosen = stage(&["event"], &["eventS"], true).choose(&rows).unwrap();
        assert_eq!(names(&chosen), ["", "eventName"]);
    }

    #[test]
    fn text_in_a_column_that_began_with_numbers_stays() {
        let column = |values: ArrayRef| RecordBatch::try_from_iter([("v", values)]).unwrap();
        let mut stage = stage(&[], &[], true);
        stage.choose(&column(Arc::new(Int64Array::from(vec![1])))).unwrap();
        let later = stage.choose(&column(Arc::new(StringArray::from(vec!["a"])))).unwrap();
        assert_eq!(later.column(0).as_ref(), &StringArray::from(vec!["a"]));
    }

    #[test]
    fn the_first_message_fixes_the_columns() {
        let mut fixed = stage(&[], &[], true);
        fixed.choose(&table(&["a", "b"])).unwrap();
        let later = fixed.choose(&table(&["b", "c"])).unwrap();
        assert_eq!(names(&later), ["a", "b"]);
        assert_eq!(later.column(0).null_count(), 1);
        let mut free = stage(&[], &[], false);
        free.choose(&table(&["a", "b"])).unwrap();
        assert_eq!(names(&free.choose(&table(&["b", "c"])).unwrap()), ["b", "c"]);
    }
}
