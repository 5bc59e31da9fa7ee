//! Names of files are bytes, and texts of logs come from anybody: how both become text that can be matched,
//! kept in a plan, and shown.
//!
//! Text stands for the bytes of a name one to one ([`to_text`], [`from_text`]): a byte that is part of no
//! UTF-8 character becomes one of the last 128 code points, which nothing is assigned to; a name that holds
//! one of these itself counts as bytes too. So no name is lost or taken for another one, and patterns match
//! names byte by byte where these are no text. On systems other than Unix a name that is no Unicode cannot be
//! typed.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The code point of byte 0; only those of 0x80 and above are used.
const RAW: u32 = 0x10_FF00;
/// What is shown in place of a secret. An address with it cannot be used.
pub const MASK: &str = "***";

/// The byte that a character stands for.
fn raw_byte(c: char) -> Option<u8> {
    u8::try_from((c as u32).checked_sub(RAW)?).ok().filter(|byte| *byte >= 0x80)
}

/// Whether a text stands for bytes that are no text.
pub fn has_raw_bytes(text: &str) -> bool {
    text.chars().any(|c| raw_byte(c).is_some())
}

/// The text of a name; [`from_text`] gives the name back.
#[cfg(unix)]
pub fn to_text(name: &OsStr) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut text = String::with_capacity(name.len());
    let push_raw = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|byte| char::from_u32(RAW + u32::from(*byte))));
    };
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match raw_byte(c) {
                Some(_) => push_raw(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => text.push(c),
            }
        }
        push_raw(&mut text, chunk.invalid());
    }
    text
}

/// The text of a name.
#[cfg(not(unix))]
pub fn to_text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

/// The name that a text stands for.
#[cfg(unix)]
pub fn from_text(text: &str) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match raw_byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    OsString::from_vec(bytes)
}

/// The name that a text stands for.
#[cfg(not(unix))]
pub fn from_text(text: &str) -> OsString {
    text.into()
}

/// The path that a text stands for.
pub fn path(text: &str) -> PathBuf {
    from_text(text).into()
}

/// The path from the root: runs that are started elsewhere mean the same file.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A path or address as it is shown: nothing steers a terminal, and secrets of an address are masked.
pub fn shown(path: &Path) -> String {
    printable(&masked(&to_text(path.as_os_str())))
}

/// `text` without anything that steers a terminal or changes how the text around it is read: names come from
/// logs, and so from anybody.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if let Some(byte) = raw_byte(c) {
            safe.push_str(&format!("\\x{byte:02x}"));
        } else if c.is_control() {
            safe.extend(c.escape_default());
        } else if steers(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Marks of direction, joiners and ends of lines, which change how other text is shown, and what is invisible.
pub fn steers(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Parts of the names of parameters whose values are secrets, or say enough to guess one.
const SECRET: [&str; 11] =
    ["sig", "token", "secret", "pass", "pwd", "key", "cred", "auth", "session", "jwt", "policy"];
/// Whole names of such parameters: those of Azure's signed addresses, and codes.
const SECRET_NAMES: [&str; 7] = ["se", "st", "sp", "sv", "sr", "code", "x-amz-date"];

fn is_secret(parameter: &str) -> bool {
    let name = parameter.to_ascii_lowercase();
    SECRET.iter().any(|part| name.contains(part)) || SECRET_NAMES.contains(&name.as_str())
}

/// A text in which secrets of addresses are masked: who asks (`user:password@`), and values of parameters
/// that sign (`X-Amz-Signature`, `sig`, `token` and the like).
pub fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        safe.push_str(before);
        safe.push_str("://");
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')');
        let end = after.find(ends).unwrap_or(after.len());
        mask_address(&after[..end], &mut safe);
        rest = &after[end..];
    }
    safe.push_str(rest);
    Cow::Owned(safe)
}

/// What follows the scheme of an address.
fn mask_address(address: &str, safe: &mut String) {
    let host_end = address.find(['/', '?', '#']).unwrap_or(address.len());
    // A password may hold a slash or question mark that nobody has escaped.
    let host = match address[..host_end].rfind('@') {
        Some(at) => Some(at),
        None => address.find('@').filter(|at| is_password(&address[..*at])),
    };
    let address = match host {
        Some(at) => {
            safe.push_str(MASK);
            &address[at..]
        }
        None => address,
    };
    let Some((place, query)) = address.split_once('?') else { return safe.push_str(address) };
    safe.push_str(place);
    let mut sign = '?';
    for parameter in query.split(['&', ';']) {
        safe.push(sign);
        sign = '&';
        match parameter.split_once('=') {
            Some((name, value)) if is_secret(name) && !value.is_empty() => {
                safe.push_str(name);
                safe.push('=');
                safe.push_str(MASK);
            }
            _ => safe.push_str(parameter),
        }
    }
}

/// Whether what stands before an `@` reads as `user:password` and not as `host:port/path`.
fn is_password(before: &str) -> bool {
    let Some((_, password)) = before.split_once(':') else { return false };
    let port = password.split('/').next().unwrap_or_default();
    port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())
}

/// A path as it is remembered: an address without its secrets. So another signature makes no other file of it.
pub fn kept(path: &Path) -> Cow<'_, Path> {
    match path.to_str() {
        Some(text) if is_address(path) => match masked(text) {
            Cow::Borrowed(_) => Cow::Borrowed(path),
            Cow::Owned(masked) => Cow::Owned(masked.into()),
        },
        _ => Cow::Borrowed(path),
    }
}

/// Whether an address has lost a secret, as one that was kept in a plan has.
pub fn is_masked(address: &str) -> bool {
    address.contains(&format!("://{MASK}@")) || address.contains(&format!("={MASK}"))
}

/// Whether a name is an address (`s3://…`), of whatever scheme, and no path.
pub fn is_address(name: &Path) -> bool {
    let scheme = name.to_str().and_then(|name| name.split_once("://"));
    scheme.is_some_and(|(scheme, _)| {
        let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(sign)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_told_from_a_path() {
        for name in ["s3://b/k", "https://host/a.csv", "ftp://x", "S3://b"] {
            assert!(is_address(Path::new(name)), "{name}");
        }
        for name in ["a.csv", "/a://b", "dir/s3://b", "C:\\a.csv", "://b", "s3:/b"] {
            assert!(!is_address(Path::new(name)), "{name}");
        }
    }

    #[cfg(unix)]
    proptest! {
        #[test]
        fn every_name_comes_back(bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            // Code points that stand for bytes, as part of a name.
            "[\u{10ff70}-\u{10ffff}a]{0,4}".prop_map(String::into_bytes),
        ]) {
            use std::os::unix::ffi::{OsStrExt, OsStringExt};
            let name = OsString::from_vec(bytes.clone());
            let text = to_text(&name);
            let back = from_text(&text);
            prop_assert_eq!(back.as_bytes(), bytes.as_slice());
            prop_assert_eq!(has_raw_bytes(&text), text.chars().any(|c| raw_byte(c).is_some()));
            prop_assert!(!printable(&text).chars().any(|c| c.is_control() || steers(c)));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_byte_that_is_no_text_is_shown_by_its_number() {
        use std::os::unix::ffi::OsStrExt;
        let shown = |bytes: &[u8]| shown(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(shown(b"logs/a\xff.csv"), "logs/a\\xff.csv");
        assert_eq!(shown("Zoë 李.csv".as_bytes()), "Zoë 李.csv");
        assert_eq!(shown(b"a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(shown("a\u{202e}b\u{2066}".as_bytes()), "a\\u{202e}b\\u{2066}");
    }

    #[test]
    fn secrets_of_addresses_are_masked() {
        for (address, expected) in [
            ("https://host/a.csv?part=1", "https://host/a.csv?part=1"),
            ("https://ann:s3cr3t@host/a.csv", "https://***@host/a.csv"),
            ("https://ghp_token@host:80/a", "https://***@host:80/a"),
            ("https://ann:a/b?c@host/x", "https://***@host/x"),
            ("https://host:8080/a@b", "https://host:8080/a@b"),
            (
                "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA&X-Amz-Signature=abc&x=1",
                "https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1",
            ),
            ("https://a.blob/c?sv=2021&se=2024&sig=a%3D", "https://a.blob/c?sv=***&se=***&sig=***"),
            (
                "cannot read \"https://h/a?token=1\": no answer (http://u:p@h/)",
                "cannot read \"https://h/a?token=***\": no answer (http://***@h/)",
            ),
            ("s3://bucket/key", "s3://bucket/key"),
            ("a:b@c", "a:b@c"),
        ] {
            assert_eq!(masked(address), expected);
            assert_eq!(masked(&masked(address)), expected, "once is enough");
        }
    }
}
