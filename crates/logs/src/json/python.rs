//! Lists and objects as Python prints them: `[{'instanceId': 'i-1'}, None, True]`.

use crate::text;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Appends the value that follows.
pub(super) struct Print<'o>(pub(super) &'o mut String);

impl<'de> DeserializeSeed<'de> for Print<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Print<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push_str("None");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.push_str(text::boolean(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{value}");
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{value}");
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        text::push_float(self.0, value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        text::push_quoted(self.0, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push('[');
        let start = out.len();
        loop {
            let before = out.len();
            if before > start {
                out.push_str(", ");
            }
            if list.next_element_seed(Print(out))?.is_none() {
                out.truncate(before);
                break;
            }
        }
        out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        let out = self.0;
        out.push('{');
        let mut first = true;
        while let Some(Key(key)) = members.next_key()? {
            if !first {
                out.push_str(", ");
            }
            first = false;
            text::push_quoted(out, &key);
            out.push_str(": ");
            members.next_value_seed(Print(out))?;
        }
        out.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_objects_look_like_python() {
        for (json, python) in [
            ("[]", "[]"),
            ("{}", "{}"),
            (
                r#"[{"a": 1, "b": [true, null, 1.5, "it's"]}, []]"#,
                r#"[{'a': 1, 'b': [True, None, 1.5, "it's"]}, []]"#,
            ),
            (r#"["\u00e9\n", -3, 1e30]"#, "['é\\n', -3, 1e+30]"),
        ] {
            let mut out = String::new();
            Print(&mut out).deserialize(&mut serde_json::Deserializer::from_str(json)).unwrap();
            assert_eq!(out, python);
        }
    }
}
