//! Numbers that the parser would change or refuse: integers beyond 64 bits, and numbers beyond a double.

use std::borrow::Cow;

/// Digits of the smallest integer that does not fit 64 bits, of either sign.
const SHORTEST: usize = 19;

/// JSON text with quotes around every integer that does not fit 64 bits, so that it is read as text with
/// all its digits; the text itself if there is none, which takes a look at one byte in nineteen.
pub(super) fn kept(text: &[u8]) -> Cow<'_, [u8]> {
    if !has_long_integer(text) {
        return Cow::Borrowed(text);
    }
    replaced(text, |number| is_too_large(number).then(|| [b"\"", number, b"\""].concat()))
        .map_or(Cow::Borrowed(text), |(text, _)| Cow::Owned(text))
}

/// JSON text with the largest double in place of each number beyond it, and how many there are; `None` if
/// there is none. The parser would refuse the event.
pub(super) fn within_doubles(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    replaced(text, |number| {
        let value: f64 = str::from_utf8(number).ok()?.parse().ok()?;
        let largest = f64::MAX.copysign(value);
        value.is_infinite().then(|| format!("{largest:e}").into_bytes())
    })
}

/// JSON text with others in place of some numbers, and how many.
fn replaced(text: &[u8], other: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<(Vec<u8>, usize)> {
    let mut written = Vec::new();
    let (mut copied, mut at, mut count) = (0, 0, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at + 1),
            b'-' | b'0'..=b'9' => {
                let end = at + number_length(&text[at..]);
                if let Some(other) = other(&text[at..end]) {
                    written.extend_from_slice(&text[copied..at]);
                    written.extend_from_slice(&other);
                    (copied, count) = (end, count + 1);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    written.extend_from_slice(&text[copied..]);
    (count > 0).then_some((written, count))
}

/// Whether so many digits follow each other anywhere, with nothing beside them but what may be beside a number.
/// Identifiers within quotes often have as many digits; walking all strings of their text took 6 % of a run.
fn has_long_integer(text: &[u8]) -> bool {
    let mut at = SHORTEST - 1;
    while let Some(byte) = text.get(at) {
        if byte.is_ascii_digit() {
            let before = text[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
            let behind = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            let head = &text[..at - before];
            let head = head.strip_suffix(b"-").unwrap_or(head);
            if before + behind >= SHORTEST
                && head.last().is_none_or(|b| is_beside_number(*b))
                && text.get(at + behind).is_none_or(|b| is_beside_number(*b))
            {
                return true;
            }
            at += behind;
        }
        at += SHORTEST;
    }
    false
}

fn is_beside_number(byte: u8) -> bool {
    matches!(byte, b':' | b',' | b'[' | b']' | b'{' | b'}') || byte.is_ascii_whitespace()
}

/// Behind the quote that ends the string whose content begins there.
fn string_end(text: &[u8], mut at: usize) -> usize {
    while let Some(found) =
        text.get(at..).and_then(|rest| memchr::memchr3(b'"', b'\\', b'\n', rest))
    {
        at += found + 1;
        // A line end is in no string: one that is never closed must not turn all others inside out.
        if text[at - 1] != b'\\' {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn number_length(text: &[u8]) -> usize {
    let part = |b: &&u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    text.iter().take_while(part).count()
}

fn is_too_large(number: &[u8]) -> bool {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    // Numbers of JSON do not begin with a 0: that is for the parser to refuse.
    if digits.len() < SHORTEST || digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let Ok(number) = str::from_utf8(number) else { return false };
    number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(json: &str) -> String {
        String::from_utf8(kept(json.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn only_integers_beyond_64_bits_are_quoted() {
        let json = r#"{"a": 18446744073709551616, "b": -9223372036854775809, "c": [18446744073709551615,
            -9223372036854775808, 0.12345678901234567890, 1e10], "18446744073709551616": "x\"18446744073709551616"}"#;
        let quoted = json
            .replace(": 18446744073709551616,", ": \"18446744073709551616\",")
            .replace("-9223372036854775809", "\"-9223372036854775809\"");
        assert_eq!(text(json), quoted);
        assert!(matches!(kept(b"{\"a\": 1844674407370955161}"), Cow::Borrowed(_)));
        let alone = ["18446744073709551616", "[-9223372036854775809]"];
        assert_eq!(alone.map(text), ["\"18446744073709551616\"", "[\"-9223372036854775809\"]"]);
    }

    #[test]
    fn numbers_beyond_a_double_become_the_largest() {
        let (text, count) =
            within_doubles(br#"{"1e999": [1e999, -2.5E+400], "a": 1e308, "b": "1e999"}"#).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let expected = serde_json::json!({"1e999": [f64::MAX, f64::MIN], "a": 1e308, "b": "1e999"});
        assert_eq!((read, count), (expected, 2));
        assert_eq!(within_doubles(b"[1, 2.5, \"1e999\"]"), None);
    }

    proptest! {
        #[test]
        fn every_integer_keeps_its_digits(
            numbers in prop::collection::vec("-?[1-9][0-9]{0,30}", 1..6), blanks in " {0,20}",
        ) {
            let json = format!("[{blanks}{}]", numbers.join(&format!(",{blanks}")));
            let read: Vec<serde_json::Value> = serde_json::from_slice(&kept(json.as_bytes())).unwrap();
            let digits: Vec<String> = read
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            prop_assert_eq!(digits, numbers);
        }
    }
}
