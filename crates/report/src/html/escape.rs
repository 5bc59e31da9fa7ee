//! What keeps texts of logs from becoming markup or script. Names, values and reasons come from logs, and so from
//! anybody.
//!
//! Markup is written by [`maud`], which escapes every value of a text or an attribute; what it is told to leave as it is
//! ([`maud::PreEscaped`]) is the page's own style and script, drawings, whose texts plotters escapes, and what
//! [`script_data`] has made. Should something get through all the same, the page's policy lets no script run but its own
//! ([`policy`]).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dfp_storage::names::steers;
use maud::{Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A text of a log: kept apart from what is around it, whatever the direction it is written in.
pub(super) fn of_log(text: &str) -> Markup {
    // Characters that steer are shown by their code, or one could not tell two names apart.
    let shown = |c: char| match c {
        c if c.is_control() || steers(c) => c.escape_unicode().collect::<String>(),
        c => c.to_string(),
    };
    if text.is_empty() {
        return html! { span .none { "(empty)" } };
    }
    let shown: String = text.chars().map(shown).collect();
    html! { bdi { (shown) } }
}

/// Values for the page's script, as JSON that cannot end its element.
///
/// # Errors
/// A value has no form in JSON.
pub(super) fn script_data(value: &impl Serialize) -> serde_json::Result<Markup> {
    let json = serde_json::to_string(value)?;
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // In JSON these stand in texts alone, where their codes mean the same.
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => safe.push(c),
        }
    }
    Ok(PreEscaped(safe))
}

/// The policy of a page with this style and this script alone: nothing is fetched, and no other script or style counts.
pub(super) fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const HOSTILE: &str = "</script><img src=x onerror=\"alert('1')\">&amp;<!--";

    #[test]
    fn texts_of_logs_are_text() {
        let text = of_log(HOSTILE).into_string();
        assert_eq!(
            text,
            "<bdi>&lt;/script&gt;&lt;img src=x onerror=&quot;alert('1')&quot;&gt;&amp;amp;&lt;!--</bdi>"
        );
        let attribute = html! { td data-value=(HOSTILE) {} }.into_string();
        assert_eq!(attribute.matches('"').count(), 2, "{attribute}");
        assert_eq!(attribute.matches('<').count(), 2, "{attribute}");
        assert_eq!(of_log("a\u{202e}b\n\0").into_string(), "<bdi>a\\u{202e}b\\u{a}\\u{0}</bdi>");
    }

    #[test]
    fn a_policy_has_the_hash_of_each() {
        // The hash of nothing, as RFC 6234 has it, in base64.
        let of_nothing = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
        assert_eq!(policy("", "").matches(of_nothing).count(), 2);
        assert!(policy("", "").starts_with("default-src 'none'; "));
    }

    proptest! {
        #[test]
        fn data_for_the_script_is_the_same_json_without_an_angle(text in ".*") {
            for text in [text, HOSTILE.to_owned()] {
                let data = script_data(&json!({ text.clone(): text })).unwrap().into_string();
                let ends = data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']);
                prop_assert!(!ends, "a character that could end the element");
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&data).unwrap(), json!({ text.clone(): text }));
            }
        }
    }
}
