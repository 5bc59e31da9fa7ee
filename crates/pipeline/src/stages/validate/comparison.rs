//! Rows that come, compared with rows that are expected, as they come.
//!
//! Whether a column is compared as numbers or as text is known only when the last row has come: it is
//! numbers if both sides are numbers throughout. So each cell of a column whose expected side is numbers
//! keeps two bits, one for either way; the rows themselves are let go.

use super::cells::{Cell, Cells};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use dfp_report::Differences;
use std::collections::{BTreeSet, HashMap};

/// How far two numbers may differ: `absolute` + `relative` x the result.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

/// Rows that differ and are shown.
const EXAMPLES: usize = 10;
/// The end of a chain of rows.
const NONE: u32 = u32::MAX;

/// What a row is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Label {
    Missing,
    Whole(i64),
    Text(Box<str>),
}

impl Label {
    fn of(cell: &Cell<'_>) -> Self {
        match cell {
            Cell::Missing => Self::Missing,
            Cell::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => Self::Whole(*n as i64),
            Cell::Number(number) => Self::Text(number.to_string().into()),
            Cell::Text(text) => match text.trim().parse() {
                Ok(whole) => Self::Whole(whole),
                Err(_) => Self::Text(text.as_ref().into()),
            },
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Missing => "without a label".to_owned(),
            Self::Whole(number) => number.to_string(),
            Self::Text(text) => text.to_string(),
        }
    }
}

/// A set of rows.
#[derive(Debug)]
struct Rows(Vec<u64>);

impl Rows {
    fn none(rows: usize) -> Self {
        Self(vec![0; rows.div_ceil(64)])
    }

    fn add(&mut self, row: usize) {
        self.0[row / 64] |= 1 << (row % 64);
    }

    fn has(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }
}

/// An expected column.
struct Column {
    name: String,
    cells: Cells,
    /// So far, both sides are numbers throughout.
    numbers: bool,
    /// The results have it.
    came: bool,
    differ_as_numbers: Rows,
    differ_as_text: Rows,
}

impl Column {
    fn differ(&self) -> &Rows {
        if self.numbers { &self.differ_as_numbers } else { &self.differ_as_text }
    }
}

/// The expected rows, and what has been found about them so far.
pub struct Comparison {
    tolerance: Tolerance,
    total: usize,
    columns: Vec<Column>,
    /// The first row of each label that no result has been paired with.
    first: HashMap<Label, u32>,
    /// The next row of the same label.
    next: Vec<u32>,
    came: Rows,
    extra_rows: usize,
    extra_cols: BTreeSet<String>,
    examples: Vec<String>,
}

impl Comparison {
    /// Expects the rows of `columns`, found by `labels`: equal ones are paired in their order.
    ///
    /// # Errors
    /// Arrow cannot cast a column.
    pub fn new(
        labels: &ArrayRef,
        columns: Vec<(String, ArrayRef)>,
        tolerance: Tolerance,
    ) -> Result<Self, ArrowError> {
        let total = labels.len();
        let cells = Cells::of(labels)?;
        let (mut first, mut next) = (HashMap::new(), vec![NONE; total]);
        for row in (0..total).rev() {
            let later = first.insert(Label::of(&cells.get(row)), row as u32);
            next[row] = later.unwrap_or(NONE);
        }
        let column = |(name, values): (String, ArrayRef)| {
            let cells = Cells::of(&values)?;
            let numbers = cells.are_numbers(total);
            let differ_as_numbers = Rows::none(if numbers { total } else { 0 });
            let differ_as_text = Rows::none(total);
            Ok(Column { name, cells, numbers, came: false, differ_as_numbers, differ_as_text })
        };
        Ok(Self {
            tolerance,
            total,
            columns: columns.into_iter().map(column).collect::<Result<_, ArrowError>>()?,
            first,
            next,
            came: Rows::none(total),
            extra_rows: 0,
            extra_cols: BTreeSet::new(),
            examples: Vec::new(),
        })
    }

    /// Compares rows that came; `rows` has only columns to be compared.
    ///
    /// # Errors
    /// Arrow cannot cast a column.
    pub fn add(&mut self, labels: &ArrayRef, rows: &RecordBatch) -> Result<(), ArrowError> {
        let labels = Cells::of(labels)?;
        for field in rows.schema().fields() {
            match self.columns.iter_mut().find(|column| column.name == *field.name()) {
                Some(column) => column.came = true,
                None => drop(self.extra_cols.insert(field.name().clone())),
            }
        }
        let results = |column: &Column| match rows.column_by_name(&column.name) {
            Some(column) => Cells::of(column),
            None => Ok(Cells::Missing),
        };
        let results: Vec<Cells> =
            self.columns.iter().map(results).collect::<Result<_, ArrowError>>()?;
        for row in 0..rows.num_rows() {
            let label = Label::of(&labels.get(row));
            let expected = self.pair(&label);
            let differences = self.compare(expected, &results, row);
            if !differences.is_empty() && self.examples.len() < EXAMPLES {
                self.examples.push(format!("row {}: {}", label.show(), differences.join("; ")));
            }
        }
        Ok(())
    }

    /// The expected row of this label whose turn it is.
    fn pair(&mut self, label: &Label) -> Option<usize> {
        let Some(first) = self.first.get_mut(label) else {
            self.extra_rows += 1;
            return None;
        };
        let row = *first as usize;
        *first = self.next[row];
        if *first == NONE {
            self.first.remove(label);
        }
        self.came.add(row);
        Some(row)
    }

    /// What differs, in words, as long as anybody reads them.
    fn compare(&mut self, expected: Option<usize>, results: &[Cells], row: usize) -> Vec<String> {
        let mut differences = Vec::new();
        for (column, cells) in self.columns.iter_mut().zip(results) {
            let result = cells.get(row);
            let number = if column.numbers { result.number() } else { None };
            column.numbers &= number.is_some();
            let Some(at) = expected else { continue };
            let wanted = column.cells.get(at);
            if wanted != result {
                column.differ_as_text.add(at);
            }
            if let (Some(result), Some(wanted)) = (number, wanted.number())
                && !self.tolerance.match_numbers(wanted, result)
            {
                column.differ_as_numbers.add(at);
            }
            if self.examples.len() < EXAMPLES && column.came && column.differ().has(at) {
                let (wanted, result) = (wanted.show(), result.show());
                differences.push(format!("{}: {result}, expected {wanted}", column.name));
            }
        }
        differences
    }

    /// What was found, all in all.
    pub fn finish(mut self) -> Differences {
        let compared: Vec<&Column> = self.columns.iter().filter(|column| column.came).collect();
        let names =
            |columns: &[&Column]| columns.iter().map(|column| column.name.clone()).collect();
        let differs = |row: usize| compared.iter().any(|column| column.differ().has(row));
        let came = |row: &usize| self.came.has(*row);
        let matching_rows = (0..self.total).filter(came).filter(|&row| !differs(row)).count();
        let count = |column: &&Column| {
            let rows = (0..self.total).filter(|&row| column.differ().has(row)).count();
            (rows > 0).then(|| (column.name.clone(), rows))
        };
        let differing_cols = compared.iter().filter_map(count).collect();
        let matching_cols = names(&compared);
        let absent: Vec<&Column> = self.columns.iter().filter(|column| !column.came).collect();
        let mut missing_cols: Vec<String> = names(&absent);
        missing_cols.sort();
        let missing_rows = self.total - (0..self.total).filter(came).count();
        let mut missing: Vec<(&u32, &Label)> =
            self.first.iter().map(|(label, row)| (row, label)).collect();
        missing.sort_by_key(|(row, _)| **row);
        let room = EXAMPLES.saturating_sub(self.examples.len());
        let shown = missing.iter().take(room);
        let shown: Vec<String> =
            shown.map(|(_, label)| format!("row {}: not in the results", label.show())).collect();
        self.examples.extend(shown);
        Differences {
            total_rows: self.total,
            matching_rows,
            missing_rows,
            extra_rows: self.extra_rows,
            matching_cols,
            extra_cols: self.extra_cols.into_iter().collect(),
            missing_cols,
            differing_cols,
            examples: self.examples,
        }
    }
}

impl Tolerance {
    /// Both missing, or near enough.
    fn match_numbers(self, wanted: f64, result: f64) -> bool {
        (wanted.is_nan() && result.is_nan())
            || wanted == result
            || (wanted - result).abs() <= self.absolute + self.relative * result.abs()
    }
}
