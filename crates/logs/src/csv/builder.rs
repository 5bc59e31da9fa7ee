//! A column that finds its type while it grows.

use super::cells::{Integer, LARGEST_EXACT, Numbers, boolean, is_missing};
use super::records::Block;
use crate::error::LogError;
use crate::text;
use crate::texts::{self, Cells, Texts};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, UInt64Array};
use std::sync::Arc;

/// The cells do not fit the type that earlier cells had; the column has to be read again as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conflict;

/// Values so far, in the most specific type that fits all of them. Text alone takes everything.
pub(super) struct Builder {
    values: Values,
    forced_text: bool,
    /// Other parts of the column have missing values.
    gaps: bool,
    numbers: Numbers,
}

enum Values {
    Missing(usize),
    Int(Vec<Option<i64>>),
    /// All above -1, some above the largest signed.
    UInt(Vec<Option<u64>>),
    Float(Vec<Option<f64>>),
    Bool(Vec<Option<bool>>),
    Text(Texts),
}

impl Builder {
    /// Finds the type from the values.
    pub(super) fn guess(numbers: Numbers) -> Self {
        Self { values: Values::Missing(0), forced_text: false, gaps: false, numbers }
    }

    /// Takes every cell as it is.
    pub(super) fn text() -> Self {
        let numbers = Numbers::default();
        Self { values: Values::Missing(0), forced_text: true, gaps: false, numbers }
    }

    /// Takes a part of a column of which all cells have been met.
    pub(super) fn of(met: Met) -> Self {
        let values = match met.kind() {
            Kind::Missing | Kind::Text => Values::Missing(0),
            Kind::Bool => Values::Bool(Vec::new()),
            Kind::Int => Values::Int(Vec::new()),
            Kind::UInt => Values::UInt(Vec::new()),
            Kind::Float => Values::Float(Vec::new()),
        };
        let (gaps, numbers) = (met.missing, met.numbers);
        Self { values, forced_text: met.kind() == Kind::Text, gaps, numbers }
    }

    /// Appends one field of all rows of the block.
    pub(super) fn append(&mut self, block: &Block<'_>, field: usize) -> Result<(), Conflict> {
        let cells =
            block.column(field).map(|cell| if is_missing(cell) { None } else { Some(cell) });
        let values = std::mem::replace(&mut self.values, Values::Missing(0));
        let numbers = self.numbers;
        self.values = match values {
            Values::Missing(n) if self.forced_text => text(n, cells),
            Values::Missing(n) => first(n, cells, numbers),
            Values::Text(mut texts) => {
                cells.for_each(|cell| texts.push(cell));
                Values::Text(texts)
            }
            Values::Int(values) => {
                let grown = extend(values, cells.clone(), |cell| numbers.signed(cell));
                match grown {
                    Ok(grown) => Values::Int(grown),
                    Err(values) => widen(values, cells, numbers)?,
                }
            }
            Values::UInt(values) => {
                let unsigned = |cell: &[u8]| numbers.unsigned(cell);
                Values::UInt(extend(values, cells, unsigned).map_err(|_| Conflict)?)
            }
            Values::Float(values) => {
                let float = |cell: &[u8]| numbers.float(cell);
                Values::Float(extend(values, cells, float).map_err(|_| Conflict)?)
            }
            Values::Bool(values) => {
                Values::Bool(extend(values, cells, boolean).map_err(|_| Conflict)?)
            }
        };
        Ok(())
    }

    /// The finished column; a Null array if every value is missing.
    ///
    /// # Errors
    /// The texts of the column exceed 2 GiB.
    pub(super) fn finish(self) -> Result<Result<Cells, Conflict>, LogError> {
        let values: ArrayRef = match self.values {
            Values::Missing(0) => Texts::default().finish()?,
            Values::Missing(n) => Arc::new(NullArray::new(n)),
            Values::Int(values) if values.contains(&None) && !self.numbers.any_large(&values) => {
                Arc::new(values.into_iter().map(|v| v.map(|v| v as f64)).collect::<Float64Array>())
            }
            Values::Int(values) => Arc::new(Int64Array::from(values)),
            Values::UInt(values) if values.contains(&None) => return Ok(Err(Conflict)),
            Values::UInt(values) => Arc::new(UInt64Array::from(values)),
            Values::Float(values) => Arc::new(Float64Array::from(values)),
            Values::Bool(values) if self.gaps || values.contains(&None) => {
                texts::collect(values.into_iter().map(|v| v.map(text::boolean)))?
            }
            Values::Bool(values) => Arc::new(BooleanArray::from(values)),
            // A part of a text column is text.
            Values::Text(texts) if texts.all_missing() && self.gaps => texts.finish()?,
            Values::Text(texts) if texts.all_missing() => Arc::new(NullArray::new(texts.len())),
            Values::Text(texts) => return Ok(Ok(Cells::Texts(texts))),
        };
        Ok(Ok(values.into()))
    }
}

/// What the cells of a column have been so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Met {
    missing: bool,
    boolean: bool,
    signed: bool,
    negative: bool,
    unsigned: bool,
    huge: bool,
    float: bool,
    /// An integer that is none as a double.
    large: bool,
    other: bool,
    numbers: Numbers,
    /// Every value is text.
    forced_text: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Missing,
    Bool,
    Int,
    UInt,
    Float,
    Text,
}

impl Met {
    /// No cell so far.
    pub(super) fn new(numbers: Numbers) -> Self {
        Self { numbers, ..Self::default() }
    }

    /// A column that is text whatever its cells are.
    pub(super) fn text() -> Self {
        Self { forced_text: true, ..Self::default() }
    }

    /// Looks at one field of all rows of the block.
    pub(super) fn add(&mut self, block: &Block<'_>, field: usize) {
        for cell in block.column(field) {
            if self.other && self.missing {
                return;
            } else if is_missing(cell) {
                self.missing = true;
            } else if !self.other {
                self.add_value(cell);
            }
        }
    }

    fn add_value(&mut self, cell: &[u8]) {
        match self.numbers.integer(cell) {
            _ if self.forced_text => self.other = true,
            Some(Integer::Signed(value)) => {
                self.signed = true;
                self.negative |= value < 0;
                self.large |= value.unsigned_abs() > LARGEST_EXACT;
            }
            Some(Integer::Unsigned(_)) => self.unsigned = true,
            // Digits enough to leave the range of a double.
            Some(Integer::Huge)
                if self.numbers.as_pandas && super::cells::float(cell).is_none() =>
            {
                self.other = true;
            }
            Some(Integer::Huge) => self.huge = true,
            None if boolean(cell).is_some() => self.boolean = true,
            None if self.numbers.float(cell).is_some() => self.float = true,
            None => self.other = true,
        }
    }

    fn kind(self) -> Kind {
        let number = self.signed || self.unsigned || self.huge || self.float;
        let lossless = !self.numbers.as_pandas;
        let large = lossless && self.large;
        let loses_digits = self.float && lossless && (large || self.unsigned || self.huge);
        if self.other || (self.boolean && number) || loses_digits {
            Kind::Text
        } else if self.boolean {
            Kind::Bool
        } else if self.float
            || (self.signed && !self.unsigned && !self.huge && self.missing && !large)
        {
            // Integers with gaps are floats, where those are the same numbers.
            Kind::Float
        } else if self.huge || (self.unsigned && (self.negative || self.missing)) {
            Kind::Text
        } else if self.unsigned {
            Kind::UInt
        } else if self.signed {
            Kind::Int
        } else {
            Kind::Missing
        }
    }
}

/// Appends parsed cells, or gives the values back unchanged if one does not parse.
fn extend<'a, T: Copy>(
    mut values: Vec<Option<T>>,
    cells: impl Iterator<Item = Option<&'a [u8]>>,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<Option<T>>, Vec<Option<T>>> {
    let before = values.len();
    for cell in cells {
        let value = match cell {
            None => None,
            Some(cell) => match parse(cell) {
                Some(value) => Some(value),
                None => {
                    values.truncate(before);
                    return Err(values);
                }
            },
        };
        values.push(value);
    }
    Ok(values)
}

fn text<'a>(missing: usize, cells: impl Iterator<Item = Option<&'a [u8]>>) -> Values {
    let mut texts = Texts::missing(missing);
    cells.for_each(|cell| texts.push(cell));
    Values::Text(texts)
}

/// The type of the first cells that are not all missing.
fn first<'a>(
    missing: usize,
    cells: impl Iterator<Item = Option<&'a [u8]>> + Clone,
    numbers: Numbers,
) -> Values {
    let integer = |cell| numbers.integer(cell);
    let float = |cell: &[u8]| numbers.float(cell);
    let Some(probe) = cells.clone().flatten().next() else {
        return Values::Missing(missing + cells.count());
    };
    if boolean(probe).is_some()
        && let Ok(values) = extend(vec![None; missing], cells.clone(), boolean)
    {
        return Values::Bool(values);
    }
    // Any number is a float as well, so one look at the first cell settles most text columns.
    if float(probe).is_none() && integer(probe).is_none() {
        return text(missing, cells);
    }
    if let Ok(values) = extend(vec![None; missing], cells.clone(), |cell| numbers.signed(cell)) {
        return Values::Int(values);
    }
    if cells.clone().flatten().all(|cell| integer(cell).is_some()) {
        return match extend(vec![None; missing], cells.clone(), |cell| numbers.unsigned(cell)) {
            Ok(values) => Values::UInt(values),
            Err(_) => text(missing, cells),
        };
    }
    match extend(vec![None; missing], cells.clone(), float) {
        Ok(values) => Values::Float(values),
        Err(_) => text(missing, cells),
    }
}

/// Integers so far, and cells that are not all signed integers.
fn widen<'a>(
    values: Vec<Option<i64>>,
    cells: impl Iterator<Item = Option<&'a [u8]>> + Clone,
    numbers: Numbers,
) -> Result<Values, Conflict> {
    if cells.clone().flatten().all(|cell| numbers.integer(cell).is_some()) {
        let natural: Result<Vec<_>, _> =
            values.into_iter().map(|v| v.map(u64::try_from).transpose()).collect();
        let unsigned = |cell: &[u8]| numbers.unsigned(cell);
        let grown = extend(natural.map_err(|_| Conflict)?, cells, unsigned);
        return grown.map(Values::UInt).map_err(|_| Conflict);
    }
    if numbers.any_large(&values) {
        return Err(Conflict);
    }
    let floats = values.into_iter().map(|v| v.map(|v| v as f64)).collect();
    extend(floats, cells, |cell| numbers.float(cell)).map(Values::Float).map_err(|_| Conflict)
}
