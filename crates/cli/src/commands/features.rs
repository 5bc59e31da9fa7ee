//! `morpheus tools features`.

use crate::arguments::Usage;
use crate::console::Console;
use crate::exit::{DONE, SKIPPED, fail, refuse};
use crate::print::out;
use crate::summary::{aligned, count, grouped, printable, shortened};
use dfp_config::plan::{self, OptionTexts};
use dfp_engine::Weight;
use dfp_features::feature_file;
use dfp_pipeline::inspect::{self, Inspection};

/// An example longer than this is cut.
const LONGEST: usize = 24;

/// Prints a built-in feature file, or what a feature file makes of logs; the exit code.
pub fn run(texts: &OptionTexts, words: &[String]) -> u8 {
    let usage = |mistakes| refuse(&Usage { mistakes, command: "morpheus tools features".into() });
    if texts.contains_key("check") {
        return match plan::check_inspection(texts, words) {
            Ok(options) => check(&options),
            Err(mistakes) => usage(mistakes),
        };
    }
    match words {
        [name] if texts.is_empty() => match feature_file::built_in_text(name) {
            Ok(text) => {
                out(text.trim_end());
                DONE
            }
            Err(why) => usage(vec![format!("features: {why}")]),
        },
        _ => usage(vec![
            "features: expected the name of one built-in feature file, or --check FILE LOGS..."
                .to_owned(),
        ]),
    }
}

fn check(options: &inspect::InspectOptions) -> u8 {
    let console = Console::new(Weight::Warning);
    let inspection = inspect::inspect(options, &console);
    console.close();
    match inspection {
        Ok(inspection) => {
            out(report(&inspection).trim_end());
            if inspection.count.lines("input").is_empty() { DONE } else { SKIPPED }
        }
        Err(error) => fail(&console, &error),
    }
}

fn report(inspection: &Inspection) -> String {
    let read = &inspection.count;
    let mut lines =
        vec![format!("read       {} of {}", count(read.rows, "row"), count(read.users, "user"))];
    lines.extend(read.lines("input").iter().map(|skipped| format!("skipped    {skipped}")));
    lines.extend(read.changes("input").iter().map(|changed| format!("changed    {changed}")));
    if read.filtered > 0 {
        lines.push(format!("filtered   {}, as the feature file asks", count(read.filtered, "row")));
    }
    lines.push(String::new());
    let head = ["feature", "kind", "values", "missing", "commonest"].map(str::to_owned);
    let rows = inspection.features.iter().map(|facts| {
        let examples: Vec<String> = facts.examples.iter().map(|text| short(text)).collect();
        [
            printable(&facts.column),
            facts.kind.to_owned(),
            grouped(facts.distinct),
            format!("{:.1} %", 100.0 * facts.missing),
            examples.join(", "),
        ]
    });
    let table: Vec<Vec<String>> =
        std::iter::once(head).chain(rows).map(|row| row.to_vec()).collect();
    lines.extend(aligned(&table, &[2, 3]));
    let warnings: Vec<String> = inspection
        .features
        .iter()
        .flat_map(|facts| facts.warnings.iter().map(|why| format!("  {} {why}", facts.column)))
        .collect();
    if !warnings.is_empty() {
        lines.extend([String::new(), "warnings".to_owned()]);
        lines.extend(warnings.iter().map(|warning| printable(warning)));
    }
    lines.join("\n")
}

fn short(text: &str) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { shortened(text, LONGEST) }
}
