//! Any text as a file of rules: rules that can be held against rows, or a list of mistakes.
#![no_main]

use dfp_alerts::Rules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Rules::parse("rules.toml", text) {
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|mistake| mistake.starts_with("rules.toml line ")));
        }
        Ok(rules) => assert!(rules.rules.iter().all(|rule| !rule.in_words().is_empty())),
    }
});
