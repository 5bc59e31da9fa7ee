//! How rows differ from expected ones.

use serde_json::json;
use std::collections::BTreeMap;

/// What a comparison of rows with expected ones has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Rows expected.
    pub total_rows: usize,
    /// Of these, rows that came and are equal in all common columns.
    pub matching_rows: usize,
    /// Of the expected rows, those that did not come.
    pub missing_rows: usize,
    /// Rows that came and are not expected.
    pub extra_rows: usize,
    /// Columns of both sides, in the expected order.
    pub matching_cols: Vec<String>,
    /// Columns of the results alone, sorted.
    pub extra_cols: Vec<String>,
    /// Expected columns that did not come, sorted.
    pub missing_cols: Vec<String>,
    /// Common columns with rows that differ, and how many.
    pub differing_cols: Vec<(String, usize)>,
    /// The first rows that differ, in words.
    pub examples: Vec<String>,
}

impl Differences {
    /// Whether anything of one side is missing in, or differs from, the other.
    pub fn mismatches(&self) -> bool {
        self.matching_rows < self.total_rows
            || self.extra_rows > 0
            || !self.extra_cols.is_empty()
            || !self.missing_cols.is_empty()
    }

    /// The results file: keys sorted, two blanks, text beyond ASCII escaped, as the peer writes it.
    ///
    /// # Errors
    /// None that is known.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let value = BTreeMap::from([
            ("total_rows", json!(self.total_rows)),
            ("matching_rows", json!(self.matching_rows)),
            ("diff_rows", json!(self.total_rows - self.matching_rows)),
            ("matching_cols", json!(self.matching_cols)),
            ("extra_cols", json!(self.extra_cols)),
            ("missing_cols", json!(self.missing_cols)),
            ("diff_cols", json!(self.extra_cols.len() + self.missing_cols.len())),
        ]);
        let mut ascii = String::new();
        for c in serde_json::to_string_pretty(&value)?.chars() {
            if c.is_ascii() {
                ascii.push(c);
            } else {
                let units = &mut [0; 2];
                ascii.extend(c.encode_utf16(units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
        Ok(ascii)
    }
}
