//! What identifies somebody or something: text with exact digits, the same in every form of file.

use super::dialect::Role;
use super::file_table::{Column, FileTable};
use super::numbers::{digits, whole_text};
use super::projection::Wanted;
use crate::error::LogError;
use crate::texts::{Cells, TextCells, Texts};
use std::borrow::Cow;

/// The identifiers of a table as they are written. One of digits only gets the prefix that NVIDIA Morpheus
/// gives to a column of integers, whatever the other rows hold.
pub(super) fn write(
    mut table: FileTable<Cells>,
    wanted: &Wanted<'_>,
) -> Result<FileTable<Cells>, LogError> {
    for Column { name, values } in &mut table.columns {
        let name = (wanted.dialect.clean)(name);
        if !wanted.is_identifier(&name) {
            continue;
        }
        let prefix = match wanted.dialect.role(&name) {
            Some(Role::Identifier { prefix }) => prefix,
            _ => "",
        };
        if let Cells::Array(array) = &*values {
            let array = digits(array)?;
            let Some(cells) = TextCells::of(&array) else { continue };
            let mut texts = Texts::default();
            texts.append_cells(cells);
            *values = Cells::Texts(texts);
        }
        if let Cells::Texts(texts) = &*values {
            *values = Cells::Texts(texts.replace(|text| written(text, prefix)));
        }
    }
    Ok(table)
}

fn written<'t>(text: &'t [u8], prefix: &str) -> Cow<'t, [u8]> {
    let Ok(cell) = str::from_utf8(text) else { return Cow::Borrowed(text) };
    let cell = whole_text(cell).unwrap_or(cell);
    let digits = cell.trim();
    if !prefix.is_empty() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Cow::Owned([prefix, digits].concat().into_bytes());
    }
    Cow::Borrowed(cell.as_bytes())
}
