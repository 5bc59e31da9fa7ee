//! One page about a run, in one file that needs nothing else: no network, no fonts, no libraries. [`aggregate`] gathers what it
//! says, in a run row by row (`to-report`) or from files that runs have written (`morpheus report`); a file a section
//! writes it.

pub mod aggregate;
mod alerts;
mod contributions;
mod escape;
mod provenance;
mod quality;
mod run_info;
mod scores;
mod summary;
#[cfg(test)]
mod tests;
mod training;
mod users;

pub use run_info::{RunFacts, Training};

use crate::plots::{self, Plot};
use aggregate::Findings;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// All that a page says.
#[derive(Debug)]
pub struct Page {
    /// What has been found in the rows.
    pub findings: Findings,
    /// Files that the rows have been read from or written to, with their rows.
    pub files: Vec<(String, u64)>,
    /// What only the run knows; `None` where files are all there is.
    pub run: Option<RunFacts>,
}

impl Page {
    /// The page's text.
    ///
    /// # Errors
    /// A drawing could not be made.
    pub fn html(&self) -> Result<String, String> {
        let found = &self.findings;
        let sections: [(&str, &str, Markup); 9] = [
            ("summary", "Summary", summary::section(found)),
            ("over-time", "Scores over time", scores::over_time(found)?),
            ("histogram", "Histogram", scores::histogram(self)?),
            ("alerts", "Alerts", alerts::section(found)),
            ("contributions", "What contributed", contributions::section(found)?),
            ("users", "Users", users::section(found)?),
            ("losses", "Training", training::section(self.run.as_ref())?),
            ("quality", "Data quality", quality::section(self)),
            ("making", "How it was made", provenance::section(self)),
        ];
        let data = scores::data(found).map_err(|why| format!("the page's data: {why}"))?;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(escape::policy(STYLE, SCRIPT));
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { (summary::title(found)) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a .skip href="#summary" { "Skip to the summary" }
                    header {
                        h1 { (summary::title(found)) }
                        nav aria-label="Sections" {
                            ul {
                                @for (id, name, _) in &sections { li { a href={ "#" (id) } { (name) } } }
                            }
                        }
                    }
                    main {
                        @for (id, name, content) in &sections {
                            section id=(id) aria-labelledby={ (id) "-title" } {
                                h2 id={ (id) "-title" } { (name) }
                                (content)
                            }
                        }
                    }
                    script type="application/json" id="data" { (data) }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        Ok(page.into_string())
    }
}

/// A drawing in the page, with what it shows in words.
fn drawing(id: &str, plot: &impl Plot) -> Result<Markup, String> {
    let (width, height) = plot.size();
    let inside = plots::inside(plot, None)?;
    Ok(html! {
        svg role="img" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            aria-labelledby={ (id) "-name " (id) "-words" } {
            title id={ (id) "-name" } { (plot.title()) }
            desc id={ (id) "-words" } { (plot.description()) }
            (PreEscaped(inside))
        }
    })
}

/// What is wider than a phone scrolls by itself, by keyboard too.
fn scrolling(name: &str, content: &Markup) -> Markup {
    html! { div .scroll role="region" aria-label=(name) tabindex="0" { (content) } }
}

/// "1 row", "2 rows", "1,234 rows".
pub fn count(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", plots::axis::grouped(number))
}
