//! Any text as a plan in a file: a plan, which is written and read as itself, or a list of mistakes.
#![no_main]

use dfp_config::plan::{PlanFormat, parse_plan, plan_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for format in [PlanFormat::Toml, PlanFormat::Json] {
        match parse_plan(text, format) {
            Err(mistakes) => assert!(!mistakes.is_empty()),
            Ok(plan) => {
                for format in [PlanFormat::Toml, PlanFormat::Json] {
                    assert_eq!(parse_plan(&plan_text(&plan, format), format).as_ref(), Ok(&plan));
                }
            }
        }
    }
});
