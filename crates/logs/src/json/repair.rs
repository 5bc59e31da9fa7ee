//! Strings as JSON allows them, made of strings that it does not allow.
//!
//! Clients choose many strings of a log, and writers of logs do not check them: one such string must not cost
//! its event, let alone its file.

use super::digits;
use super::scan::string_end;
use std::borrow::Cow;

const REPLACEMENT: &str = "\u{fffd}";

/// The text with its wrong strings and its numbers beyond a double mended, and how many there are; `None` if
/// none is wrong.
pub(super) fn values(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let Some((mended, count)) = strings(text) else { return digits::within_doubles(text) };
    Some(match digits::within_doubles(&mended) {
        Some((mended, more)) => (mended, count + more),
        None => (mended, count),
    })
}

/// The text with its wrong strings mended, and how many there are; `None` if none is wrong.
///
/// Control characters are kept, as escapes. Half surrogates and bytes that are not UTF-8 become U+FFFD. A
/// backslash that begins no escape is text.
fn strings(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut mended = Vec::new();
    let (mut at, mut kept, mut count) = (0, 0, 0);
    while let Some(begin) = text.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
        let begin = at + begin;
        let Some(end) = string_end(text, begin) else { break };
        if let Some(string) = string(&text[begin + 1..end - 1]) {
            mended.extend_from_slice(&text[kept..=begin]);
            mended.extend_from_slice(string.as_bytes());
            kept = end - 1;
            count += 1;
        }
        at = end;
    }
    mended.extend_from_slice(&text[kept..]);
    (count > 0).then_some((mended, count))
}

/// A string's content, if it is wrong.
fn string(content: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'\\';
    if matches!(text, Cow::Borrowed(_)) && content.iter().all(plain) {
        return None;
    }
    let mut mended = String::with_capacity(text.len() + 8);
    let mut rest = &*text;
    while let Some(next) = rest.find(|char: char| char < ' ' || char == '\\') {
        mended.push_str(&rest[..next]);
        rest = &rest[next..];
        if let Some(control) = rest.bytes().next().filter(|byte| *byte < 0x20) {
            mended.push_str(&format!("\\u{control:04x}"));
            rest = &rest[1..];
        } else {
            let (escape, length) = escape(rest);
            mended.push_str(escape);
            rest = &rest[length..];
        }
    }
    mended.push_str(rest);
    (mended.as_bytes() != content).then_some(mended)
}

/// What takes the place of the escape with which the text begins, and how much of the text it is.
fn escape(text: &str) -> (&str, usize) {
    match text.as_bytes().get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => (&text[..2], 2),
        Some(b'u') => match unit(text) {
            Some(0xd800..0xdc00) => match unit(&text[6..]) {
                Some(0xdc00..0xe000) => (&text[..12], 12),
                _ => (REPLACEMENT, 6),
            },
            Some(0xdc00..0xe000) => (REPLACEMENT, 6),
            Some(_) => (&text[..6], 6),
            None => ("\\\\", 1),
        },
        _ => ("\\\\", 1),
    }
}

/// The unit of UTF-16 of an escape with which the text begins.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if hex { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn only_what_is_wrong_changes() {
        for (text, value) in [
            (&br#""a\ud83d""#[..], "a\u{fffd}"),
            (br#""\udc00b""#, "\u{fffd}b"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (br#""\ud83dA""#, "\u{fffd}A"),
            (b"\"a\tb\0\n\"", "a\tb\0\n"),
            (b"\"a\xffb\xc3\"", "a\u{fffd}b\u{fffd}"),
            (br#""C:\Users\x41\u12""#, r"C:\Users\x41\u12"),
        ] {
            let (mended, count) = strings(text).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&mended).unwrap(), value);
            assert_eq!(count, 1);
        }
        for right in [r#"{"a": "\ud83d\ude00 \u0000 \" \\"}"#, "\"\u{e9}\"", "[1, \"", ""] {
            assert_eq!(strings(right.as_bytes()), None, "{right}");
        }
        let (mended, count) = strings(b"{\"\t\": \"\\ud800\", \"b\": \"c\"}").unwrap();
        assert_eq!(
            (mended.as_slice(), count),
            ("{\"\\u0009\": \"\u{fffd}\", \"b\": \"c\"}".as_bytes(), 2)
        );
    }

    proptest! {
        #[test]
        fn mended_strings_can_be_read(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), proptest::sample::select(&b"\\\"ud8c0 n"[..])], 0..40
            ),
        ) {
            let text = [b"\"", &bytes[..], b"\""].concat();
            if string_end(&text, 0) == Some(text.len()) {
                let whole = strings(&text).map_or(text, |(mended, _)| mended);
                prop_assert!(serde_json::from_slice::<String>(&whole).is_ok(), "{:?}", whole);
                prop_assert_eq!(strings(&whole), None);
            }
        }
    }
}
