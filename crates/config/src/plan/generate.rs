//! The options of `tools generate`.

use super::OptionTexts;
use super::check::Checker;
use super::values::Values;
use crate::options::GENERATE;
use dfp_synth::{GenerateOptions, LogFormat, LogSource, TakeoverKind};

/// Checks the options of `tools generate`.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_generate(texts: &OptionTexts) -> Result<GenerateOptions, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(GENERATE.name, GENERATE.options, texts);
    let start = values.owned("start");
    let start = start.parse().unwrap_or_else(|_| {
        checker.mistakes.push(format!("generate: --start: {start:?} is not a date, YYYY-MM-DD"));
        jiff::civil::Date::default()
    });
    let source = source(&mut checker, &values);
    let mut small = |name: &str| {
        let number = values.integer(name).unwrap_or_default();
        u32::try_from(number).unwrap_or_else(|_| {
            checker
                .mistakes
                .push(format!("generate: --{name}: \"{number}\" is more than {}", u32::MAX));
            0
        })
    };
    let options = GenerateOptions {
        output_dir: values.path("output_dir").unwrap_or_default(),
        users: small("users"),
        days: small("days"),
        training_rows: small("training_rows"),
        new_rows: small("new_rows"),
        takeovers: small("takeovers"),
        takeover_rows: small("takeover_rows"),
        takeover_kinds: values
            .texts("takeover_kinds")
            .into_iter()
            .filter_map(TakeoverKind::of_label)
            .collect(),
        seed: values.seed("seed").unwrap_or_default(),
        start,
        source,
        overwrite: values.bool("overwrite"),
    };
    if checker.mistakes.is_empty()
        && let Err(mistake) = options.check()
    {
        checker.mistakes.push(format!("generate: {mistake}"));
    }
    if checker.mistakes.is_empty() { Ok(options) } else { Err(checker.mistakes) }
}

fn source(checker: &mut Checker, values: &Values) -> LogSource {
    let format = values.text("format");
    let source = match values.text("source") {
        Some("azure") => LogSource::Azure,
        Some("duo") => LogSource::Duo,
        Some("okta") => LogSource::Okta,
        _ if format == Some("json") => LogSource::CloudTrail(LogFormat::Json),
        _ => LogSource::CloudTrail(LogFormat::Csv),
    };
    if format == Some("csv") && !matches!(source, LogSource::CloudTrail(_)) {
        let name = source.name();
        checker.mistakes.push(format!(
            "generate: --format: \"csv\" is for --source cloudtrail; logs of {name} are json"
        ));
    }
    source
}
