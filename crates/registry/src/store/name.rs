//! The name of a user's folder: readable, and never that of another user, also where capitals and
//! small letters are the same.
//!
//! Small letters, digits and `@ . _ + = -` stand for themselves; every other byte of the name is `%`
//! and two hexadecimal digits, as are dots at the ends and the first letter of names that some system
//! keeps for itself. A name with capitals keeps them and gets `~` and 16 hexadecimal digits of its
//! SHA-256; so does the empty one. One that would be too long is cut, and gets `~` and 32 digits: its
//! folder has to say whose it is.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Longest name that is not cut. File systems take 255 bytes.
const LONGEST: usize = 160;
/// What is kept of a longer one.
const KEPT: usize = 80;
const DIGITS: usize = 16;
const DIGITS_CUT: usize = 32;

/// Names of devices, on systems where a file cannot be called so.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
/// Names of devices with a digit behind.
const NUMBERED: [&str; 2] = ["com", "lpt"];

fn is_reserved(user: &str) -> bool {
    let stem = user.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = stem.split_at_checked(3).is_some_and(|(name, digit)| {
        NUMBERED.contains(&name) && digit.len() == 1 && digit.bytes().all(|b| b.is_ascii_digit())
    });
    numbered || DEVICES.contains(&stem.as_str())
}

/// The name of the folder of `user`.
pub(super) fn folder(user: &str) -> String {
    let last = user.len().saturating_sub(1);
    let reserved = is_reserved(user);
    let mut name = String::with_capacity(user.len());
    for (at, byte) in user.bytes().enumerate() {
        let plain = match byte {
            b'.' => at != 0 && at != last,
            b'@' | b'_' | b'+' | b'=' | b'-' => true,
            _ => byte.is_ascii_alphanumeric() && !(at == 0 && reserved),
        };
        // Writing to a text cannot fail.
        let _ = match plain {
            true => name.write_char(char::from(byte)),
            false => write!(name, "%{byte:02x}"),
        };
    }
    if name.len() > LONGEST {
        name.truncate(KEPT);
        return format!("{name}~{}", digits(user, DIGITS_CUT));
    }
    if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return format!("{name}~{}", digits(user, DIGITS));
    }
    name
}

/// What the name of a folder tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The user.
    User(String),
    /// The folder itself says who it is.
    Cut,
    /// It is no user's.
    Nobody,
}

/// Whose folder this is.
pub(super) fn owner(folder: &str) -> Owner {
    let (name, sum) = folder.split_once('~').unwrap_or((folder, ""));
    if sum.len() == DIGITS_CUT {
        return Owner::Cut;
    }
    match decoded(name) {
        Some(user) if self::folder(&user) == folder => Owner::User(user),
        _ => Owner::Nobody,
    }
}

fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((plain, code)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(code.get(..2)?, 16).ok()?);
        rest = &code[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

fn digits(user: &str, count: usize) -> String {
    let sum = Sha256::digest(user.as_bytes());
    let mut digits: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(count);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn names_can_be_read() {
        for (user, name) in [
            ("ann@example.com", "ann@example.com"),
            ("ops/ci", "ops%2fci"),
            ("*", "%2a"),
            ("..", "%2e%2e"),
            (".hidden", "%2ehidden"),
            ("j\u{fc}rgen", "j%c3%bcrgen"),
            ("nul", "%6eul"),
            ("com1.txt", "%63om1.txt"),
            ("compact", "compact"),
            ("100%", "100%25"),
            ("a~b", "a%7eb"),
        ] {
            assert_eq!(folder(user), name);
            assert_eq!(owner(name), Owner::User(user.to_owned()));
        }
        assert_eq!(folder(""), "~e3b0c44298fc1c14");
        assert_eq!(owner("~e3b0c44298fc1c14"), Owner::User(String::new()));
        assert!(folder("Role-One").starts_with("Role-One~"));
        for name in ["lost+found ", "a%", "a%zz", "Ann", "ann~0000000000000000", "%61nn"] {
            assert_eq!(owner(name), Owner::Nobody, "{name}");
        }
    }

    #[test]
    fn a_thousand_characters_are_a_name() {
        let long = |c: &str| c.repeat(1000);
        for user in [long("x"), long("\u{4eba}"), long("/"), format!("{}y", long("x"))] {
            let name = folder(&user);
            assert!(name.len() < 200 && name.is_ascii(), "{name}");
            assert_eq!(owner(&name), Owner::Cut);
        }
        assert_ne!(folder(&long("x")), folder(&format!("{}y", long("x"))));
    }

    proptest! {
        #[test]
        fn every_user_has_a_folder_alone(users in prop::collection::hash_set(".{0,12}|[aA.%~/]{0,4}|(con|NUL|com1)(\\.a)?", 0..40)) {
            let mut seen: HashMap<String, String> = HashMap::new();
            for user in users {
                let name = folder(&user);
                prop_assert!(!name.contains(['/', '\\', ':', '\0']) && !name.ends_with('.'));
                prop_assert_eq!(owner(&name), Owner::User(user.clone()));
                let other = seen.insert(name.to_lowercase(), user.clone());
                prop_assert!(other.is_none(), "{:?} and {:?}", other, user);
            }
        }
    }
}
