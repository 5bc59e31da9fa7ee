//! What this page was made from.

use super::{Page, count, escape};
use maud::{Markup, html};

pub(super) fn section(page: &Page) -> Markup {
    html! {
        p { "morpheus " (env!("CARGO_PKG_VERSION")) "." }
        @if !page.files.is_empty() {
            p { @if page.run.is_some() { "Written to:" } @else { "Read from:" } }
            ul .facts {
                @for (name, rows) in &page.files {
                    li { (escape::of_log(name)) ", " (count(*rows, "row")) }
                }
            }
        }
        @match &page.run {
            Some(run) => {
                @if let Some(seed) = run.seed {
                    p { "Seed: " (seed) @if run.seed_is_drawn { " (drawn)" } "." }
                }
                p { "The plan, as " code { "run --plan" } " reads it:" }
                pre tabindex="0" { (run.plan) }
            }
            None => p {
                "Plan and seed are not in the output: " code { "to-report" }
                ", as a stage of the run, tells them."
            },
        }
    }
}
