//! A text column that is finished: its types, and its cells in either form.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, Int32Array, StringArray};
use arrow_schema::DataType;

/// The type of a text column whose values repeat.
pub fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Whether a column of this type holds text, plain or as a dictionary.
pub fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 => true,
        DataType::Dictionary(keys, values) => {
            **keys == DataType::Int32 && **values == DataType::Utf8
        }
        _ => false,
    }
}

/// The cells of a text column in either form.
#[derive(Clone, Copy, Debug)]
pub enum TextCells<'a> {
    /// Every row has its own text.
    Plain(&'a StringArray),
    /// Rows have positions of texts.
    Dictionary(&'a Int32Array, &'a StringArray),
}

impl<'a> TextCells<'a> {
    /// The cells of `array`; `None` if it is not text.
    pub fn of(array: &'a dyn Array) -> Option<Self> {
        if let Some(texts) = array.as_string_opt::<i32>() {
            return Some(Self::Plain(texts));
        }
        let dictionary = array.as_dictionary_opt::<Int32Type>()?;
        Some(Self::Dictionary(dictionary.keys(), dictionary.values().as_string_opt::<i32>()?))
    }

    /// The text of a row; `None` if it is missing.
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Dictionary(keys, texts) => {
                keys.is_valid(row).then(|| texts.value(keys.value(row) as usize))
            }
        }
    }

    /// The texts of all rows, top to bottom.
    pub fn iter(self) -> impl Iterator<Item = Option<&'a str>> + Clone {
        let rows = match self {
            Self::Plain(texts) => texts.len(),
            Self::Dictionary(keys, _) => keys.len(),
        };
        (0..rows).map(move |row| self.get(row))
    }
}
