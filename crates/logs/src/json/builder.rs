//! A column of JSON values that finds its type while it grows.

use crate::error::LogError;
use crate::numbers::is_large;
use crate::text;
use crate::texts::{self, Cells, TextCells, Texts};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, UInt64Array};
use arrow_schema::DataType;
use std::borrow::Cow;
use std::sync::Arc;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Missing,
    Bool(bool),
    Int(i64),
    /// Above the largest signed integer.
    UInt(u64),
    Float(f64),
    Text(Cow<'a, str>),
}

impl Cell<'_> {
    /// The value as Python prints it; `None` if missing.
    pub(super) fn print(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Missing => return None,
            Self::Bool(value) => Cow::Borrowed(text::boolean(*value)),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::UInt(value) => Cow::Owned(value.to_string()),
            Self::Float(value) => {
                let mut out = String::new();
                text::push_float(&mut out, *value);
                Cow::Owned(out)
            }
            Self::Text(value) => Cow::Borrowed(value),
        })
    }
}

/// Values so far. A column that has met two kinds holds their texts and remembers the kinds.
pub(super) struct Builder {
    values: Values,
}

enum Values {
    Missing(usize),
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Text(Texts, Kinds),
    /// The types met and the number of rows, without values.
    Counted(Met, usize),
}

#[derive(Clone, Copy, Default)]
struct Kinds {
    negative: bool,
    /// An integer that is none as a double.
    large: bool,
    unsigned: bool,
    float: bool,
    other: bool,
}

impl Kinds {
    fn add(&mut self, cell: &Cell<'_>) {
        match cell {
            Cell::Missing => {}
            Cell::Int(value) => {
                self.negative |= *value < 0;
                self.large |= is_large(*value);
            }
            Cell::UInt(_) => self.unsigned = true,
            Cell::Float(_) => self.float = true,
            Cell::Bool(_) | Cell::Text(_) => self.other = true,
        }
    }

    fn merge(&mut self, more: Self) {
        self.negative |= more.negative;
        self.large |= more.large;
        self.unsigned |= more.unsigned;
        self.float |= more.float;
        self.other |= more.other;
    }
}

/// What the values of a column have been so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Met {
    /// Rows with a value.
    values: usize,
    boolean: bool,
    int: bool,
    kinds: Kinds,
}

impl Met {
    fn add(&mut self, cell: &Cell<'_>) {
        match cell {
            Cell::Missing => return,
            Cell::Bool(_) => self.boolean = true,
            Cell::Int(_) => {
                self.int = true;
                self.kinds.add(cell);
            }
            Cell::UInt(_) | Cell::Float(_) | Cell::Text(_) => self.kinds.add(cell),
        }
        self.values += 1;
    }

    pub(super) fn merge(&mut self, more: &Self) {
        self.values += more.values;
        self.boolean |= more.boolean;
        self.int |= more.int;
        self.kinds.merge(more.kinds);
    }

    /// Rows with a value.
    pub(super) fn values(&self) -> usize {
        self.values
    }

    /// The type of a column of so many rows in which these values were met.
    pub(super) fn kind(&self, rows: usize) -> DataType {
        let gaps = self.values < rows;
        let Kinds { negative, large, unsigned, float, other } = self.kinds;
        let number = self.int || unsigned || float;
        if other || (self.boolean && (number || gaps)) || (float && (large || unsigned)) {
            DataType::Utf8
        } else if self.boolean {
            DataType::Boolean
        } else if float || (self.int && !unsigned && gaps && !large) {
            DataType::Float64
        } else if unsigned && (negative || gaps) {
            DataType::Utf8
        } else if unsigned {
            DataType::UInt64
        } else if self.int {
            DataType::Int64
        } else {
            DataType::Null
        }
    }
}

impl Builder {
    /// What the values are.
    pub(super) fn met(&self) -> Met {
        let mut met = Met::default();
        match &self.values {
            Values::Missing(_) => {}
            Values::Bool(values) => {
                met.boolean = true;
                met.values = values.iter().flatten().count();
            }
            Values::Int(values) => {
                met.int = true;
                met.values = values.iter().flatten().count();
                met.kinds.negative = values.iter().flatten().any(|v| *v < 0);
                met.kinds.large = values.iter().flatten().copied().any(is_large);
            }
            Values::Float(values) => {
                met.kinds.float = true;
                met.values = values.iter().flatten().count();
            }
            Values::Text(texts, kinds) => {
                met.kinds = *kinds;
                met.values = texts.present();
            }
            Values::Counted(of_all, _) => met = *of_all,
        }
        met
    }

    /// A column of which only the type is needed: its values are not kept. It is missing if it is finished.
    pub(super) fn counting(missing: usize) -> Self {
        Self { values: Values::Counted(Met::default(), missing) }
    }

    /// The column in the type that the whole column has, of which this is a part.
    ///
    /// # Errors
    /// The texts of the column exceed 2 GiB.
    pub(super) fn finish_as(self, kind: &DataType) -> Result<Cells, LogError> {
        if *kind != DataType::Utf8 {
            let values = self.finish()?.finish()?;
            return arrow_cast::cast(&values, kind)
                .map(Cells::Array)
                .map_err(|e| LogError::table("type a column", &e));
        }
        let (texts, _) = self.into_texts();
        // A part of a text column is text.
        if texts.all_missing() { Ok(texts.finish()?.into()) } else { Ok(Cells::Texts(texts)) }
    }

    /// A column whose first `missing` rows lack it.
    pub(super) fn new(missing: usize) -> Self {
        Self { values: Values::Missing(missing) }
    }

    /// Rows so far.
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Missing(n) => *n,
            Values::Bool(values) => values.len(),
            Values::Int(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Text(texts, _) => texts.len(),
            Values::Counted(_, rows) => *rows,
        }
    }

    /// Fills up with missing values.
    pub(super) fn pad(&mut self, rows: usize) {
        let lacking = rows.saturating_sub(self.len());
        match &mut self.values {
            Values::Missing(n) => *n += lacking,
            Values::Bool(values) => values.resize(values.len() + lacking, None),
            Values::Int(values) => values.resize(values.len() + lacking, None),
            Values::Float(values) => values.resize(values.len() + lacking, None),
            Values::Text(texts, _) => texts.pad(rows),
            Values::Counted(_, rows) => *rows += lacking,
        }
    }

    /// Appends the rows of another part of the same column, as if they had been pushed.
    pub(super) fn append(&mut self, other: Self) {
        match (&mut self.values, other.values) {
            (_, Values::Missing(n)) => self.pad(self.len() + n),
            (Values::Counted(met, rows), more) => {
                let more = Self { values: more };
                met.merge(&more.met());
                *rows += more.len();
            }
            (Values::Bool(values), Values::Bool(more)) => values.extend(more),
            (Values::Int(values), Values::Int(more)) => values.extend(more),
            (Values::Float(values), Values::Float(more)) => values.extend(more),
            (Values::Missing(0), more) => self.values = more,
            (Values::Missing(n), Values::Bool(more)) => {
                self.values = Values::Bool(behind(*n, more));
            }
            (Values::Missing(n), Values::Int(more)) => self.values = Values::Int(behind(*n, more)),
            (Values::Missing(n), Values::Float(more)) => {
                self.values = Values::Float(behind(*n, more));
            }
            (_, more) => {
                let (mut texts, mut kinds) = std::mem::replace(self, Self::new(0)).into_texts();
                let (more, met) = Self { values: more }.into_texts();
                texts.append(&more);
                kinds.merge(met);
                self.values = Values::Text(texts, kinds);
            }
        }
    }

    /// Appends a value.
    pub(super) fn push(&mut self, cell: &Cell<'_>) {
        match (&mut self.values, cell) {
            (Values::Counted(met, rows), cell) => {
                met.add(cell);
                *rows += 1;
            }
            (Values::Missing(n), Cell::Missing) => *n += 1,
            (Values::Bool(values), Cell::Missing) => values.push(None),
            (Values::Int(values), Cell::Missing) => values.push(None),
            (Values::Float(values), Cell::Missing) => values.push(None),
            (Values::Bool(values), Cell::Bool(value)) => values.push(Some(*value)),
            (Values::Int(values), Cell::Int(value)) => values.push(Some(*value)),
            (Values::Float(values), Cell::Float(value)) => values.push(Some(*value)),
            (Values::Text(texts, kinds), Cell::Text(text)) => {
                kinds.other = true;
                texts.push(Some(text.as_bytes()));
            }
            (Values::Text(texts, kinds), cell) => {
                kinds.add(cell);
                texts.push(cell.print().as_deref().map(str::as_bytes));
            }
            (Values::Missing(n), cell) => {
                let missing = *n;
                self.values = match cell {
                    Cell::Bool(_) => Values::Bool(vec![None; missing]),
                    Cell::Int(_) => Values::Int(vec![None; missing]),
                    Cell::Float(_) => Values::Float(vec![None; missing]),
                    Cell::Missing | Cell::UInt(_) | Cell::Text(_) => {
                        Values::Text(Texts::missing(missing), Kinds::default())
                    }
                };
                self.push(cell);
            }
            (Values::Bool(_) | Values::Int(_) | Values::Float(_), cell) => {
                let (texts, kinds) = std::mem::replace(self, Self::new(0)).into_texts();
                self.values = Values::Text(texts, kinds);
                self.push(cell);
            }
        }
    }

    fn into_texts(self) -> (Texts, Kinds) {
        let cells: Box<dyn Iterator<Item = Cell<'static>>> = match self.values {
            Values::Text(texts, kinds) => return (texts, kinds),
            Values::Missing(rows) | Values::Counted(_, rows) => {
                return (Texts::missing(rows), Kinds::default());
            }
            Values::Bool(values) => {
                Box::new(values.into_iter().map(|v| v.map_or(Cell::Missing, Cell::Bool)))
            }
            Values::Int(values) => {
                Box::new(values.into_iter().map(|v| v.map_or(Cell::Missing, Cell::Int)))
            }
            Values::Float(values) => {
                Box::new(values.into_iter().map(|v| v.map_or(Cell::Missing, Cell::Float)))
            }
        };
        let mut texts = Texts::default();
        let mut kinds = Kinds::default();
        for cell in cells {
            kinds.add(&cell);
            texts.push(cell.print().as_deref().map(str::as_bytes));
        }
        (texts, kinds)
    }

    /// The column in pandas' type for its values, unless that would lose digits.
    ///
    /// # Errors
    /// The texts of the column exceed 2 GiB.
    pub(super) fn finish(self) -> Result<Cells, LogError> {
        let values: ArrayRef = match self.values {
            Values::Missing(n) | Values::Counted(_, n) => Arc::new(NullArray::new(n)),
            Values::Bool(values) if values.contains(&None) => {
                texts::collect(values.into_iter().map(|v| v.map(text::boolean)))?
            }
            Values::Bool(values) => Arc::new(BooleanArray::from(values)),
            Values::Int(values)
                if values.contains(&None) && !values.iter().flatten().copied().any(is_large) =>
            {
                Arc::new(values.into_iter().map(|v| v.map(|v| v as f64)).collect::<Float64Array>())
            }
            Values::Int(values) => Arc::new(Int64Array::from(values)),
            Values::Float(values) => Arc::new(Float64Array::from(values)),
            Values::Text(texts, kinds) if kinds.other => return Ok(Cells::Texts(texts)),
            Values::Text(texts, kinds) => numbers(texts.finish()?, kinds),
        };
        Ok(values.into())
    }
}

fn behind<T: Copy>(missing: usize, values: Vec<Option<T>>) -> Vec<Option<T>> {
    let mut all = vec![None; missing];
    all.extend(values);
    all
}

/// Texts that are all numbers become numbers again.
fn numbers(texts: ArrayRef, kinds: Kinds) -> ArrayRef {
    let Some(cells) = TextCells::of(&texts) else { return texts };
    if kinds.float && (kinds.large || kinds.unsigned) {
        return texts;
    }
    if kinds.float {
        return Arc::new(
            cells.iter().map(|t| t.and_then(|t| t.parse().ok())).collect::<Float64Array>(),
        );
    }
    let gaps = arrow_array::Array::null_count(&texts) > 0;
    if kinds.unsigned && (kinds.negative || gaps) {
        return texts;
    }
    Arc::new(cells.iter().map(|t| t.and_then(|t| t.parse().ok())).collect::<UInt64Array>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Float64Type;

    fn column(cells: &[Cell<'_>]) -> ArrayRef {
        let mut builder = Builder::new(0);
        for cell in cells {
            builder.push(cell);
        }
        builder.finish().unwrap().finish().unwrap()
    }

    #[test]
    fn types_follow_pandas() {
        use Cell::{Bool, Float, Int, Missing, UInt};
        let word = || Cell::Text("x".into());
        for (cells, expected) in [
            (vec![Int(1), Int(2)], DataType::Int64),
            (vec![Int(1), Missing], DataType::Float64),
            (vec![Int(1), Float(0.5)], DataType::Float64),
            (vec![UInt(u64::MAX), Int(1)], DataType::UInt64),
            (vec![UInt(u64::MAX), Int(-1)], texts::dictionary()),
            (vec![Bool(true)], DataType::Boolean),
            (vec![Bool(true), Missing], texts::dictionary()),
            (vec![Bool(true), Int(1)], texts::dictionary()),
            (vec![Missing, word()], texts::dictionary()),
            (vec![Missing, Missing], DataType::Null),
        ] {
            assert_eq!(column(&cells).data_type(), &expected, "{cells:?}");
        }
    }

    #[test]
    fn mixed_values_keep_their_own_text() {
        let mixed = column(&[
            Cell::Int(5),
            Cell::Float(5.0),
            Cell::Bool(true),
            Cell::Missing,
            Cell::Text("x".into()),
        ]);
        let texts: Vec<_> = TextCells::of(&mixed).unwrap().iter().collect();
        assert_eq!(texts, [Some("5"), Some("5.0"), Some("True"), None, Some("x")]);
        let numbers = column(&[Cell::Int(1 << 50), Cell::Missing, Cell::Float(0.1)]);
        assert_eq!(numbers.as_primitive::<Float64Type>().value(0), (1_i64 << 50) as f64);
    }

    #[test]
    fn integers_that_are_no_doubles_keep_their_digits() {
        let large = (1 << 53) + 1;
        let gaps = column(&[Cell::Int(large), Cell::Missing]);
        assert_eq!(gaps.data_type(), &DataType::Int64);
        let mixed = column(&[Cell::Int(large), Cell::Float(0.5)]);
        let texts: Vec<_> = TextCells::of(&mixed).unwrap().iter().collect();
        assert_eq!(texts, [Some("9007199254740993"), Some("0.5")]);
    }
}
