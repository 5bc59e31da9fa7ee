//! What a single cell can be.

/// A missing value, in pandas 2's spellings.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    let Some(first) = cell.first() else { return true };
    if cell.len() > 9 || !matches!(first, b'#' | b'-' | b'1' | b'<' | b'N' | b'n') {
        return false;
    }
    matches!(
        cell,
        b"#N/A"
            | b"#N/A N/A"
            | b"#NA"
            | b"-1.#IND"
            | b"-1.#QNAN"
            | b"-NaN"
            | b"-nan"
            | b"1.#IND"
            | b"1.#QNAN"
            | b"<NA>"
            | b"N/A"
            | b"NA"
            | b"NULL"
            | b"NaN"
            | b"None"
            | b"n/a"
            | b"nan"
            | b"null"
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

/// Integers beyond this are not all doubles.
pub(super) const LARGEST_EXACT: u64 = 1 << 53;

/// How cells are read as numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// As pandas reads them, whatever is lost: `007` is 7, and an integer beyond 2^53 is a double in a
    /// column of doubles or with gaps.
    pub(super) as_pandas: bool,
}

impl Numbers {
    pub(super) fn integer(self, cell: &[u8]) -> Option<Integer> {
        if !self.as_pandas && is_padded(cell) { None } else { integer(cell) }
    }

    pub(super) fn signed(self, cell: &[u8]) -> Option<i64> {
        match self.integer(cell)? {
            Integer::Signed(value) => Some(value),
            Integer::Unsigned(_) | Integer::Huge => None,
        }
    }

    pub(super) fn unsigned(self, cell: &[u8]) -> Option<u64> {
        match self.integer(cell)? {
            Integer::Signed(value) => u64::try_from(value).ok(),
            Integer::Unsigned(value) => Some(value),
            Integer::Huge => None,
        }
    }

    pub(super) fn float(self, cell: &[u8]) -> Option<f64> {
        let keeps = self.as_pandas
            || match integer(cell) {
                _ if is_padded(cell) => false,
                None => true,
                Some(Integer::Signed(value)) => value.unsigned_abs() <= LARGEST_EXACT,
                Some(Integer::Unsigned(_) | Integer::Huge) => false,
            };
        match float(cell) {
            _ if !keeps => None,
            // Its size is not lost: such a number is infinite, as `inf` is.
            None if !self.as_pandas => beyond(cell),
            value => value,
        }
    }

    /// Whether some of these integers would not be what they were as doubles.
    pub(super) fn any_large(self, values: &[Option<i64>]) -> bool {
        let large = |value: &i64| value.unsigned_abs() > LARGEST_EXACT;
        !self.as_pandas && values.iter().flatten().any(large)
    }
}

/// Whether a number begins with a 0 that it does not need: account numbers, postal codes.
fn is_padded(cell: &[u8]) -> bool {
    let digits = match trim(cell) {
        [b'-' | b'+', digits @ ..] => digits,
        digits => digits,
    };
    matches!(digits, [b'0', b'0'..=b'9', ..])
}

/// A cell that is an integer: digits with an optional sign, blanks around allowed.
pub(super) fn integer(cell: &[u8]) -> Option<Integer> {
    let cell = trim(cell);
    let (negative, digits) = match cell {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits
        .iter()
        .try_fold(0_u64, |size, digit| size.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    Some(match size {
        Some(size) if negative => {
            0_i64.checked_sub_unsigned(size).map_or(Integer::Huge, Integer::Signed)
        }
        Some(size) => i64::try_from(size).map_or(Integer::Unsigned(size), Integer::Signed),
        None => Integer::Huge,
    })
}

/// A number beyond the range of a double, as infinity.
fn beyond(cell: &[u8]) -> Option<f64> {
    decimal(trim(cell)).filter(|value| value.is_infinite())
}

/// The nearest double of a number in digits.
fn decimal(number: &[u8]) -> Option<f64> {
    let digits = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let is_decimal = number.iter().all(digits) && matches!(number.last()?, b'0'..=b'9' | b'.');
    if is_decimal { str::from_utf8(number).ok()?.parse().ok() } else { None }
}

/// A cell that is a number within the range of a double, or a spelling of infinity.
pub(super) fn float(cell: &[u8]) -> Option<f64> {
    if let Some(value) = decimal(trim(cell)) {
        return Some(value).filter(|value| value.is_finite());
    }
    let (sign, name) = match cell {
        [b'-', name @ ..] => (-1.0, name),
        [b'+', name @ ..] => (1.0, name),
        name => (1.0, name),
    };
    let infinite = name.eq_ignore_ascii_case(b"inf") || name.eq_ignore_ascii_case(b"infinity");
    infinite.then_some(sign * f64::INFINITY)
}

/// A cell that is a boolean, in any case.
pub(super) fn boolean(cell: &[u8]) -> Option<bool> {
    if cell.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

fn trim(mut cell: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    while let Some((_, rest)) = cell.split_first().filter(|(first, _)| blank(first)) {
        cell = rest;
    }
    while let Some((_, rest)) = cell.split_last().filter(|(last, _)| blank(last)) {
        cell = rest;
    }
    cell
}
