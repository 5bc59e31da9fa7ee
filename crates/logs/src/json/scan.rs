//! Where JSON values end, without their contents: what is wrong inside a string does not matter here.

use memchr::memchr2;

/// Levels of nesting that the parser reads.
const DEEPEST: usize = 128;

/// Why the end of a value was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends inside the value.
    Open,
    /// The text is not JSON there, or nested too deeply.
    Wrong,
}

/// The first place from `at` on that is not blank.
pub(super) fn blank(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Behind the string that begins at `at` with a quote.
pub(super) fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        // A quote behind a backslash is part of the text.
        at += 2;
    }
}

/// Behind the value that begins at `at`, which may be a list or an object.
pub(super) fn value_end(text: &[u8], at: usize) -> Result<usize, Stop> {
    let mut at = at;
    let mut open: Vec<u8> = Vec::new();
    loop {
        at = blank(text, at);
        let container = byte(text, at)?;
        match container {
            b'"' => at = string_end(text, at).ok_or(Stop::Open)?,
            b'{' | b'[' => {
                at = blank(text, at + 1);
                if byte(text, at)? == closing(container) {
                    at += 1;
                } else if open.len() == DEEPEST {
                    return Err(Stop::Wrong);
                } else {
                    open.push(container);
                    if container == b'{' {
                        at = name_end(text, at)?;
                    }
                    continue;
                }
            }
            _ => at = scalar_end(text, at)?,
        }
        // Behind a value.
        loop {
            let Some(container) = open.last() else { return Ok(at) };
            at = blank(text, at);
            let next = byte(text, at)?;
            at += 1;
            if next == closing(*container) {
                open.pop();
            } else if next == b',' {
                if *container == b'{' {
                    at = name_end(text, blank(text, at))?;
                }
                break;
            } else {
                return Err(Stop::Wrong);
            }
        }
    }
}

/// Behind the colon of the member name that begins at `at`.
pub(super) fn name_end(text: &[u8], at: usize) -> Result<usize, Stop> {
    if byte(text, at)? != b'"' {
        return Err(Stop::Wrong);
    }
    let at = blank(text, string_end(text, at).ok_or(Stop::Open)?);
    if byte(text, at)? == b':' { Ok(at + 1) } else { Err(Stop::Wrong) }
}

/// Behind a value whatever is wrong inside, as long as its brackets match; one without brackets ends at
/// the comma or bracket that follows. Where there is no end, the place up to which it was looked for.
pub(super) fn element_end(text: &[u8], at: usize) -> Result<usize, usize> {
    let mut at = at;
    let mut open: Vec<u8> = Vec::new();
    loop {
        match text.get(at).ok_or(text.len())? {
            b'"' => {
                at = string_end(text, at).ok_or(text.len())?;
                continue;
            }
            container @ (b'{' | b'[') => open.push(*container),
            b',' if open.is_empty() => return Ok(at),
            close @ (b'}' | b']') => match open.pop() {
                None => return Ok(at),
                Some(container) if closing(container) != *close => return Err(at),
                Some(_) if open.is_empty() => return Ok(at + 1),
                Some(_) => {}
            },
            _ => {}
        }
        at += 1;
    }
}

fn scalar_end(text: &[u8], at: usize) -> Result<usize, Stop> {
    let scalar = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let length = text[at..].iter().take_while(scalar).count();
    if length == 0 { Err(Stop::Wrong) } else { Ok(at + length) }
}

fn closing(container: u8) -> u8 {
    if container == b'{' { b'}' } else { b']' }
}

fn byte(text: &[u8], at: usize) -> Result<u8, Stop> {
    text.get(at).copied().ok_or(Stop::Open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_of_values() {
        for (text, end) in [
            (r#"{"a": [1, {"b": null}], "c": "}"} "#, Ok(33)),
            (r#""a\"b" "#, Ok(6)),
            ("[] ,", Ok(2)),
            (" 17,", Ok(3)),
            ("{\"a\": \"\t\\ud800\\x\"}", Ok(18)),
            ("{\"a\": 1\n{\"a\": 2}", Err(Stop::Wrong)),
            ("{\"a\": 1,\n{\"a\": 2}", Err(Stop::Wrong)),
            ("{\"a\": [1,\n{\"a\": 2}\n{", Err(Stop::Wrong)),
            ("{\"a\": {\"b\": 1}", Err(Stop::Open)),
            ("{\"a", Err(Stop::Open)),
            ("[1}", Err(Stop::Wrong)),
            ("", Err(Stop::Open)),
        ] {
            assert_eq!(value_end(text.as_bytes(), 0), end, "{text}");
        }
        assert_eq!(value_end("[".repeat(1_000).as_bytes(), 0), Err(Stop::Wrong));
    }

    #[test]
    fn broken_elements_end_where_their_brackets_do() {
        for (text, end) in [
            (r#"{"a" 1, "b": [}]},"#, None),
            (r#"{"a" 1, "b": "},"},"#, Some(18)),
            (r#"{"a": {"b": 1, {"a": 2}]}"#, None),
            ("7 8]", Some(3)),
            ("{", None),
        ] {
            assert_eq!(element_end(text.as_bytes(), 0).ok(), end, "{text}");
        }
        let deep = format!("{}{},", "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!(element_end(deep.as_bytes(), 0), Ok(2_000));
    }

    proptest! {
        #[test]
        fn what_the_parser_reads_ends_where_the_parser_ends(text in "[\\[\\]{}\",:a1\n \\\\]{0,40}") {
            let mut stream = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
            if let Some(Ok(_)) = stream.next() {
                prop_assert_eq!(value_end(text.as_bytes(), 0), Ok(stream.byte_offset()));
            }
        }
    }
}
