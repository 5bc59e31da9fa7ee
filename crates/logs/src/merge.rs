//! Parts of a few rows as one part, so that a hundred thousand files are not a hundred thousand tables.

use super::part::Part;
use crate::error::LogError;
use crate::skipped::Skipped;
use crate::texts::{Cells, TextCells, Texts};
use arrow_array::{Array, NullArray, new_null_array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use hashbrown::HashMap;
use std::sync::Arc;

/// Puts parts together that follow each other, as long as no column has two types. What is missing stays
/// missing and nothing is printed: [`union`](super::concat::union) makes the same of the result as of the
/// parts.
pub(super) fn merge(parts: Vec<Part>) -> Result<Vec<Part>, LogError> {
    let mut merged = Vec::new();
    let mut run = Run::default();
    for part in parts {
        if !run.takes(&part) {
            merged.push(std::mem::take(&mut run).finish()?);
        }
        run.add(part);
    }
    merged.push(run.finish()?);
    Ok(merged)
}

/// A column's name and type, and its pieces, each with the row that it begins at.
type Pieces = (String, DataType, Vec<(usize, Cells)>);

/// Parts that become one.
#[derive(Default)]
struct Run {
    columns: Vec<Pieces>,
    known: HashMap<String, usize>,
    rows: usize,
    skipped: Skipped,
    is_timed: bool,
    when: Option<Vec<i64>>,
}

impl Run {
    fn takes(&self, part: &Part) -> bool {
        let same = |(name, cells): &(String, Cells)| {
            let kind = self.known.get(name).map(|at| &self.columns[*at].1);
            kind.is_none_or(|kind| {
                kind == cells.kind() || [kind, cells.kind()].contains(&&DataType::Null)
            })
        };
        let timed = |part: &Part| (part.is_timed, part.when.is_some());
        let alike =
            self.rows == 0 || part.rows == 0 || timed(part) == (self.is_timed, self.when.is_some());
        alike && part.columns.iter().all(same)
    }

    fn add(&mut self, part: Part) {
        self.skipped.merge(part.skipped);
        for (name, cells) in part.columns {
            let at = *self.known.entry(name).or_insert_with_key(|name| {
                self.columns.push((name.clone(), DataType::Null, Vec::new()));
                self.columns.len() - 1
            });
            let column = &mut self.columns[at];
            if column.1 == DataType::Null {
                column.1 = cells.kind().clone();
            }
            column.2.push((self.rows, cells));
        }
        self.is_timed |= part.is_timed;
        if let Some(when) = part.when {
            self.when.get_or_insert_default().extend(when);
        }
        self.rows += part.rows;
    }

    fn finish(self) -> Result<Part, LogError> {
        let rows = self.rows;
        let columns = self.columns.into_iter().map(|(name, kind, pieces)| {
            let cells = match kind {
                DataType::Utf8 => Cells::Texts(texts(rows, &pieces)),
                DataType::Null => Cells::Array(Arc::new(NullArray::new(rows))),
                kind => values(rows, pieces, &kind)?,
            };
            Ok((name, cells))
        });
        let columns = columns.collect::<Result<_, LogError>>()?;
        let Self { skipped, is_timed, when, .. } = self;
        Ok(Part { columns, rows, skipped, is_timed, when })
    }
}

fn texts(rows: usize, pieces: &[(usize, Cells)]) -> Texts {
    let mut texts = Texts::default();
    texts.reserve(rows);
    for (begin, cells) in pieces {
        texts.pad(*begin);
        match cells {
            Cells::Texts(cells) => texts.append(cells),
            Cells::Array(cells) => {
                TextCells::of(cells).map_or((), |cells| texts.append_cells(cells))
            }
        }
    }
    texts.pad(rows);
    texts
}

fn values(rows: usize, pieces: Vec<(usize, Cells)>, kind: &DataType) -> Result<Cells, LogError> {
    let (mut arrays, mut next) = (Vec::with_capacity(2 * pieces.len() + 1), 0);
    for (begin, cells) in pieces {
        let cells = cells.finish()?;
        if *cells.data_type() == *kind {
            arrays.push(new_null_array(kind, begin - next));
            next = begin + cells.len();
            arrays.push(cells);
        }
    }
    arrays.push(new_null_array(kind, rows - next));
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let whole = concat(&arrays).map_err(|e| LogError::table("put files together", &e))?;
    Ok(Cells::Array(whole))
}

#[cfg(test)]
mod tests {
    use super::super::concat::union;
    use super::*;
    use crate::texts::collect;
    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
    use proptest::prelude::*;

    fn column(kind: u8, rows: usize) -> Option<ArrayRef> {
        let text = |row: usize| (row != 1).then(|| format!("t{row}"));
        Some(match kind {
            0 => return None,
            1 => Arc::new(NullArray::new(rows)),
            2 => Arc::new(BooleanArray::from(vec![true; rows])),
            3 => Arc::new(Float64Array::from(vec![1.5; rows])),
            4 => collect((0..rows).map(text)).ok()?,
            _ => Arc::new(Int64Array::from(vec![7; rows])),
        })
    }

    proptest! {
        #[test]
        fn a_table_is_the_same_whether_its_parts_were_put_together(
            parts in proptest::collection::vec((1_usize..4, proptest::collection::vec(0_u8..7, 3)), 1..8)
        ) {
            let make = || -> Vec<Part> {
                let part = |(rows, kinds): &(usize, Vec<u8>)| {
                    let columns = kinds.iter().enumerate().filter_map(|(at, kind)| {
                        Some((format!("c{at}"), Cells::Array(column(*kind, *rows)?)))
                    });
                    let skipped = Skipped::default();
                    Part { columns: columns.collect(), rows: *rows, skipped, is_timed: false, when: None }
                };
                parts.iter().map(part).collect()
            };
            let merged = merge(make()).unwrap();
            assert!(merged.len() <= parts.len());
            let plain = |columns: Vec<(String, ArrayRef)>| {
                let print = |values: &ArrayRef| super::super::concat::print(values).unwrap();
                columns
                    .iter()
                    .map(|(name, values)| {
                        let texts = print(values);
                        let texts = TextCells::of(&texts).unwrap();
                        let texts: Vec<_> = texts.iter().map(|t| t.map(str::to_owned)).collect();
                        let is_text = crate::texts::is_text(values.data_type());
                        let kind = if is_text { DataType::Utf8 } else { values.data_type().clone() };
                        (name.clone(), kind, texts)
                    })
                    .collect::<Vec<_>>()
            };
            assert_eq!(plain(union(merged, None).unwrap()), plain(union(make(), None).unwrap()));
        }
    }
}
