//! Columns of several parts as one.

use super::{FIRST_LOOK, MISSING, TextCells, Texts, is_text, nulls};
use crate::error::LogError;
use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_schema::DataType;
use arrow_select::take::take;

/// A column on its way to a table. Texts stay open, so that they can be joined with those of other files.
#[derive(Clone, Debug)]
pub(crate) enum Cells {
    /// A text column in the making.
    Texts(Texts),
    /// Any column.
    Array(ArrayRef),
}

impl Cells {
    /// The column.
    ///
    /// # Errors
    /// As [`Texts::finish`].
    pub(crate) fn finish(self) -> Result<ArrayRef, LogError> {
        match self {
            Self::Texts(texts) => texts.finish(),
            Self::Array(values) => Ok(values),
        }
    }

    /// The column, whose texts are finished for it.
    ///
    /// # Errors
    /// As [`Texts::finish`].
    pub(crate) fn array(&mut self) -> Result<&mut ArrayRef, LogError> {
        if let Self::Texts(texts) = self {
            *self = Self::Array(std::mem::take(texts).finish()?);
        }
        match self {
            Self::Array(values) => Ok(values),
            Self::Texts(_) => Err(LogError::table("hold a text column", &"it stayed open")),
        }
    }

    /// How many cells there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Array(values) => values.len(),
        }
    }

    /// Bytes that the cells take.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.memory(),
            Self::Array(values) => values.get_array_memory_size(),
        }
    }

    /// Any text is `Utf8` here; a column without any value is `Null`.
    pub(crate) fn kind(&self) -> &DataType {
        match self {
            Self::Texts(texts) if texts.len() > 0 && texts.all_missing() => &DataType::Null,
            Self::Texts(_) => &DataType::Utf8,
            Self::Array(values) if is_text(values.data_type()) => &DataType::Utf8,
            Self::Array(values) => values.data_type(),
        }
    }
}

impl From<ArrayRef> for Cells {
    fn from(values: ArrayRef) -> Self {
        Self::Array(values)
    }
}

/// Text columns of several parts as one of `rows` rows. Each part comes with its first row; row i is
/// to stand at `places[i]`, or where it is. Rows of no part are missing.
///
/// # Errors
/// As [`Texts::finish`].
pub(crate) fn join(
    rows: usize,
    parts: &[(usize, Cells)],
    places: Option<&[u32]>,
) -> Result<ArrayRef, LogError> {
    if let Some(joined) = join_few(rows, parts, places)? {
        return Ok(joined);
    }
    let mut texts = Texts::default();
    texts.reserve(rows);
    for (begin, part) in parts {
        texts.pad(*begin);
        match part {
            Cells::Texts(part) => texts.append(part),
            Cells::Array(part) => TextCells::of(part).map_or((), |part| texts.append_cells(part)),
        }
    }
    texts.pad(rows);
    let joined = texts.finish()?;
    let Some(places) = places else { return Ok(joined) };
    let mut order = vec![0; rows];
    (0_u32..).zip(places).for_each(|(row, place)| order[*place as usize] = row);
    take(&joined, &UInt32Array::from(order), None).map_err(|e| LogError::table("sort texts", &e))
}

/// The same for parts with few different texts: only rows that have one are touched, which counts in
/// logs, where most columns are mostly missing.
fn join_few(
    rows: usize,
    parts: &[(usize, Cells)],
    places: Option<&[u32]>,
) -> Result<Option<ArrayRef>, LogError> {
    let mut kept = Texts::default();
    let (mut keys, mut valid) = (vec![0; rows], vec![0_u64; rows.div_ceil(64)]);
    for (begin, part) in parts {
        let mut put = |row: usize, key: i32| {
            let place = places.map_or(begin + row, |places| places[begin + row] as usize);
            keys[place] = key;
            valid[place / 64] |= 1 << (place % 64);
        };
        match part {
            Cells::Texts(part) if !part.plain && !part.full => {
                let own = kept.numbers((0..part.kept() as i32).map(|key| part.text(key)));
                let rows = part.keys.iter().enumerate().filter(|(_, key)| **key != MISSING);
                rows.for_each(|(row, key)| put(row, own[*key as usize]));
            }
            Cells::Texts(_) => return Ok(None),
            Cells::Array(part) => {
                let Some(TextCells::Dictionary(part, texts)) = TextCells::of(part) else {
                    return Ok(None);
                };
                let own = kept.numbers(texts.iter().map(|t| t.unwrap_or_default().as_bytes()));
                let rows = part.iter().enumerate().filter_map(|(row, key)| Some((row, key?)));
                rows.for_each(|(row, key)| put(row, own[key as usize]));
            }
        }
        if kept.kept() >= FIRST_LOOK || kept.full {
            return Ok(None);
        }
    }
    kept.dictionary(keys, nulls(valid, rows)).map(Some)
}
