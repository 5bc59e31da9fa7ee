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

/// A cell that is a number within the range of a double, or a spelling of infinity.
pub(super) fn float(cell: &[u8]) -> Option<f64> {
    let number = trim(cell);
    let last = number.last()?;
    if number.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        && matches!(last, b'0'..=b'9' | b'.')
    {
        let number = str::from_utf8(number).ok()?;
        return number.parse().ok().filter(|value: &f64| value.is_finite());
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
