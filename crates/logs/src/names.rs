//! Columns whose names become one when they are cleaned: `username` and `user.name` are one column of
//! users to logs that have both.

use super::concat::{alike, print};
use super::file_table::Column;
use super::json::TWIN;
use super::part::{EVENT_DT, LABEL, OWN_EVENT_DT};
use super::projection::Wanted;
use super::source::Further;
use crate::error::LogError;
use crate::skipped::Skipped;
use crate::texts::{self, Cells, TextCells, Texts, is_text};
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_select::interleave::interleave;
use hashbrown::{HashMap, HashSet};

/// The columns of one clean name.
struct Group {
    name: String,
    columns: Vec<Column<Cells>>,
}

/// The columns under their clean names. Several columns of one name become one: it has the value that
/// there is in a row, or, of several different ones, that of the column whose own name is the clean one, else
/// of the first by the alphabet. The other values stand in columns with a number behind the name, which
/// are made only if there are any (`further` says so for all parts of a file), and such rows are noted. Nothing
/// of it depends on the order of rows. A log's own `event_dt` keeps its name if no column of times is looked
/// for; otherwise it is `event_dt1`.
pub(super) fn clean(
    columns: Vec<Column<Cells>>,
    wanted: &Wanted<'_>,
    further: Option<&Further>,
    skipped: &mut Skipped,
) -> Result<Vec<(String, Cells)>, LogError> {
    let groups = group(columns, wanted);
    let mut taken: HashSet<String> = groups.iter().map(|group| group.name.clone()).collect();
    let mut cleaned = Vec::with_capacity(groups.len());
    for Group { name, columns } in groups {
        let own = columns.iter().find(|c| name != OWN_EVENT_DT && is_event_dt(c, wanted));
        if let Some(own) = own {
            // Ours could not give way: other files of the run, and other runs, have the time under this name.
            skipped.note(own.values.len(), || {
                format!("the log's own column {EVENT_DT:?} is called {name:?}: {EVENT_DT} says when a row happened")
            });
        }
        if columns.len() == 1 {
            cleaned.extend(columns.into_iter().map(|column| (name.clone(), column.values)));
            continue;
        }
        let raw: Vec<String> = columns.iter().map(|c| format!("{:?}", shown(&c.name))).collect();
        let Together { mut columns, rows } = coalesce(columns)?;
        let count = further.map_or(columns.len(), |all| 1 + all.get(&name).copied().unwrap_or(0));
        while columns.len() < count {
            columns.push(missing(&columns[0])?);
        }
        let names = numbered(&name, columns.len(), &mut taken);
        if rows > 0 {
            skipped.note(rows, || {
                let (raw, further) = (raw.join(" and "), names[1..].join(", "));
                format!("different values in {raw}, which are one column {name:?}; the further ones are in {further}")
            });
        }
        cleaned.extend(names.into_iter().zip(columns.into_iter().map(Cells::Array)));
    }
    Ok(cleaned)
}

/// Whether any of these names become one.
pub(super) fn collide<'n>(
    mut names: impl Iterator<Item = &'n str>,
    clean: fn(&str) -> String,
) -> bool {
    let mut known = HashSet::new();
    names.any(|name| !known.insert(clean(shown(name))))
}

/// Looks at one part of a file: which names need further columns.
pub(super) fn meet(
    further: &mut Further,
    columns: Vec<Column<Cells>>,
    wanted: &Wanted<'_>,
) -> Result<(), LogError> {
    for Group { name, columns } in group(columns, wanted) {
        if columns.len() > 1 {
            let more = coalesce(columns)?.columns.len() - 1;
            let known = further.entry(name).or_default();
            *known = more.max(*known);
        }
    }
    Ok(())
}

/// The name without the sign of a twin.
fn shown(name: &str) -> &str {
    name.split_once(TWIN).map_or(name, |(name, _)| name)
}

fn is_event_dt(column: &Column<Cells>, wanted: &Wanted<'_>) -> bool {
    (wanted.dialect.clean)(shown(&column.name)) == EVENT_DT
}

/// In the order of first appearance; within a group in that of preference.
fn group(columns: Vec<Column<Cells>>, wanted: &Wanted<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::with_capacity(columns.len());
    let mut known: HashMap<String, usize> = HashMap::with_capacity(columns.len());
    for column in columns {
        let mut name = (wanted.dialect.clean)(shown(&column.name));
        if name == EVENT_DT && wanted.time().is_none() {
            name = OWN_EVENT_DT.to_owned();
        }
        if name == LABEL || name == EVENT_DT {
            name.push('1');
        }
        let at = *known.entry(name).or_insert_with_key(|name| {
            groups.push(Group { name: name.clone(), columns: Vec::new() });
            groups.len() - 1
        });
        groups[at].columns.push(column);
    }
    for Group { name, columns } in groups.iter_mut().filter(|group| group.columns.len() > 1) {
        columns.sort_by(|a, b| (a.name != *name, &a.name).cmp(&(b.name != *name, &b.name)));
    }
    groups
}

/// The name, and as many names with a number behind it that no other column has.
fn numbered(name: &str, count: usize, taken: &mut HashSet<String>) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    let mut number = 0;
    while names.len() < count {
        number += 1;
        let further = format!("{name}{number}");
        if taken.insert(further.clone()) {
            names.push(further);
        }
    }
    names
}

/// Columns of one name as one.
struct Together {
    /// The first has the values; further ones those of rows with several.
    columns: Vec<ArrayRef>,
    /// Rows with several different values.
    rows: usize,
}

fn coalesce(columns: Vec<Column<Cells>>) -> Result<Together, LogError> {
    let columns = alike(columns.into_iter().map(|column| column.values).collect())?;
    let texts = columns.iter().map(print).collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<TextCells<'_>> = texts.iter().filter_map(|t| TextCells::of(t)).collect();
    let length = columns.first().map_or(0, |column| column.len());
    // Which column each output's value is of, row by row.
    let mut sources: Vec<Vec<Option<usize>>> = vec![Vec::with_capacity(length)];
    let mut rows = 0;
    let mut different: Vec<(usize, &str)> = Vec::new();
    for row in 0..length {
        different.clear();
        for (at, cells) in texts.iter().enumerate() {
            if let Some(text) = cells.get(row)
                && !different.iter().any(|(_, other)| *other == text)
            {
                different.push((at, text));
            }
        }
        rows += usize::from(different.len() > 1);
        while sources.len() < different.len() {
            sources.push(vec![None; row]);
        }
        for (output, source) in sources.iter_mut().enumerate() {
            source.push(different.get(output).map(|(at, _)| *at));
        }
    }
    let column = |source: &Vec<Option<usize>>| {
        if is_text(columns[0].data_type()) {
            let cell = |(row, at): (usize, &Option<usize>)| texts[(*at)?].get(row);
            return texts::collect(source.iter().enumerate().map(cell));
        }
        let nothing = new_null_array(columns[0].data_type(), 1);
        let arrays: Vec<&dyn Array> = columns.iter().chain([&nothing]).map(AsRef::as_ref).collect();
        let place =
            |(row, at): (usize, &Option<usize>)| at.map_or((columns.len(), 0), |at| (at, row));
        let places: Vec<(usize, usize)> = source.iter().enumerate().map(place).collect();
        interleave(&arrays, &places).map_err(|e| LogError::table("join columns of one name", &e))
    };
    Ok(Together { columns: sources.iter().map(column).collect::<Result<_, _>>()?, rows })
}

/// A column of the same type without a value.
fn missing(like: &ArrayRef) -> Result<ArrayRef, LogError> {
    match is_text(like.data_type()) {
        true => Texts::missing(like.len()).finish(),
        false => Ok(new_null_array(like.data_type(), like.len())),
    }
}
