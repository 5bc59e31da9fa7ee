//! Values as the peer's tools write them: Python's text forms.

use std::fmt::Write as _;

/// Appends a float as Python's `repr` writes it: the shortest digits that read back to the same
/// double, at least one decimal, exponent form below 1e-4 and from 1e16 on.
pub fn push_float(out: &mut String, value: f64) {
    if !value.is_finite() {
        out.push_str(if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        });
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    let (mantissa, exponent) = shortest.split_once(['e', 'E']).unwrap_or((shortest, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    out.push_str(sign);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let written = exponent.parse::<i32>().unwrap_or(0);
    if written == 0
        && mantissa.len() <= 16
        && !fraction.is_empty()
        && (whole != "0" || !fraction.starts_with("0000"))
    {
        // Already in Python's form, by far the most common case.
        out.push_str(mantissa);
        return;
    }
    let digits: String = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        out.push_str("0.0");
        return;
    }
    let leading = digits.len() - significant.len();
    // The value is 0.SIGNIFICANT x 10^point.
    let point = whole.len() as i32 - leading as i32 + written;
    push_decimal(out, significant.trim_end_matches('0'), point);
}

fn push_decimal(out: &mut String, digits: &str, point: i32) {
    let count = digits.len() as i32;
    if !(-3..=16).contains(&point) {
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let exponent = point - 1;
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a String cannot fail.
        let _ = write!(out, "e{sign}{:02}", exponent.abs());
    } else if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
        out.push_str(digits);
    } else if point >= count {
        out.push_str(digits);
        out.extend(std::iter::repeat_n('0', (point - count) as usize));
        out.push_str(".0");
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    }
}

/// `True` or `False`.
pub fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// Appends text as Python's `repr` writes it: single quotes unless the text holds a single and no
/// double quote; `\\`, `\n`, `\r`, `\t` escaped; unprintable characters as `\xNN`, `\uNNNN`,
/// `\UNNNNNNNN`.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                // Writing to a String cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// Rust's table of printable characters has the same definition as Python's; `escape_debug` of a
/// *string* shows it, because only the first character is also tested for combining marks.
fn is_printable(c: char) -> bool {
    let mut bytes = [0; 5];
    bytes[0] = b'a';
    let length = c.encode_utf8(&mut bytes[1..]).len();
    std::str::from_utf8(&bytes[..=length]).is_ok_and(|s| s.escape_debug().nth(1) == Some(c))
}

/// Appends a time (nanoseconds since 1970) as pandas prints it: microseconds, if there are any,
/// nanoseconds only if those need them.
///
/// # Errors
/// The time is outside of the years -9999 to 9999.
pub fn push_time(out: &mut String, nanoseconds: i128, zoned: bool) -> std::io::Result<()> {
    let instant = jiff::Timestamp::from_nanosecond(nanoseconds).map_err(std::io::Error::other)?;
    let (day, time) = (
        jiff::tz::Offset::UTC.to_datetime(instant).date(),
        jiff::tz::Offset::UTC.to_datetime(instant).time(),
    );
    // Writing to a String cannot fail.
    let _ = write!(out, "{day} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let fraction = nanoseconds.rem_euclid(1_000_000_000);
    if fraction % 1_000 != 0 {
        let _ = write!(out, ".{fraction:09}");
    } else if fraction != 0 {
        let _ = write!(out, ".{:06}", fraction / 1_000);
    }
    if zoned {
        out.push_str("+00:00");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn float(value: f64) -> String {
        let mut out = String::new();
        push_float(&mut out, value);
        out
    }

    #[test]
    fn floats_follow_python() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.25e-5, "1.25e-05"),
            (1e22, "1e+22"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.00012345, "0.00012345"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (f64::from(0.617_647_05_f32), "0.6176470518112183"),
            (-2.5, "-2.5"),
            (100.0, "100.0"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn quoting_follows_python() {
        for (value, text) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\\n\t\r", "'a\\\\\\n\\t\\r'"),
            ("\u{7f}\u{0}", "'\\x7f\\x00'"),
            ("é日", "'é日'"),
            ("e\u{301}", "'e\u{301}'"),
            ("\u{a0}", "'\\xa0'"),
            ("\u{200b}", "'\\u200b'"),
            ("\u{e0001}", "'\\U000e0001'"),
        ] {
            let mut out = String::new();
            push_quoted(&mut out, value);
            assert_eq!(out, text);
        }
    }

    proptest! {
        #[test]
        fn floats_read_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(float(value).parse::<f64>().unwrap().to_bits(), bits);
        }
    }
}
