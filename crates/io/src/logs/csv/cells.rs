//! What a single cell can be.

/// A missing value, in pandas 2's spellings.
pub(super) fn is_missing(cell: &str) -> bool {
    let Some(first) = cell.bytes().next() else { return true };
    if cell.len() > 9 || !matches!(first, b'#' | b'-' | b'1' | b'<' | b'N' | b'n') {
        return false;
    }
    matches!(
        cell,
        "#N/A"
            | "#N/A N/A"
            | "#NA"
            | "-1.#IND"
            | "-1.#QNAN"
            | "-NaN"
            | "-nan"
            | "1.#IND"
            | "1.#QNAN"
            | "<NA>"
            | "N/A"
            | "NA"
            | "NULL"
            | "NaN"
            | "None"
            | "n/a"
            | "nan"
            | "null"
    )
}

/// An integer of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    /// Fits 64 bits with sign.
    Signed(i64),
    /// Fits 64 bits only without sign.
    Unsigned(u64),
    /// Does not fit 64 bits.
    Huge,
}

/// A cell that is an integer: digits with an optional sign, blanks around allowed.
pub(super) fn integer(cell: &str) -> Option<Integer> {
    let cell = trim(cell);
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(match (cell.parse(), cell.parse()) {
        (Ok(signed), _) => Integer::Signed(signed),
        (_, Ok(unsigned)) => Integer::Unsigned(unsigned),
        _ => Integer::Huge,
    })
}

/// A cell that is a number within the range of a double, or a spelling of infinity.
pub(super) fn float(cell: &str) -> Option<f64> {
    let number = trim(cell);
    let last = number.bytes().next_back()?;
    if number.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        && matches!(last, b'0'..=b'9' | b'.')
    {
        return number.parse().ok().filter(|value: &f64| value.is_finite());
    }
    let (sign, name) = match cell.strip_prefix('-') {
        Some(name) => (-1.0, name),
        None => (1.0, cell.strip_prefix('+').unwrap_or(cell)),
    };
    let infinite = name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("infinity");
    infinite.then_some(sign * f64::INFINITY)
}

/// A cell that is a boolean, in any case.
pub(super) fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn trim(cell: &str) -> &str {
    cell.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
}
