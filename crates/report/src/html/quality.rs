//! What was left out, and what was not there.

use super::{Page, count, escape, scrolling};
use crate::plots::axis;
use maud::{Markup, html};

/// Columns that are listed.
const LISTED: usize = 60;

pub(super) fn section(page: &Page) -> Markup {
    let found = &page.findings;
    let mut missing: Vec<&(String, u64)> =
        found.missing.iter().filter(|(_, cells)| *cells > 0).collect();
    missing.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let further = missing.len().saturating_sub(LISTED);
    missing.truncate(LISTED);
    let share = |cells: u64| 100.0 * cells as f64 / found.rows.max(1) as f64;
    let table = html! {
        table .narrow {
            caption {
                "Missing cells of the log's own columns"
                @if further > 0 { "; " (count(further as u64, "column")) " with fewer are left out" }
            }
            thead { tr {
                th scope="col" { "Column" } th scope="col" .number { "Missing" } th scope="col" .number { "of the rows" }
            } }
            tbody {
                @for (name, cells) in missing.iter().map(|column| (&column.0, column.1)) {
                    tr {
                        th scope="row" { (escape::of_log(name)) }
                        td .number { (axis::grouped(cells)) }
                        td .number { (axis::number(share(cells))) " %" }
                    }
                }
            }
        }
    };
    html! {
        @match &page.run {
            Some(run) if run.quality.is_empty() => p { "No row was skipped, and every user had a model." },
            Some(run) => ul .facts { @for line in &run.quality { li { (escape::of_log(line)) } } },
            None => p {
                "What a run skipped is not in its output: " code { "to-report" }
                ", as a stage of the run, tells it."
            },
        }
        @if found.rows > found.scored { p { (count(found.rows - found.scored, "row")) " without a score." } }
        @if missing.is_empty() {
            p { "No cell of the log's own columns is missing." }
        } @else {
            (scrolling("Missing cells", &table))
        }
    }
}
