//! Manual pages and tables of every command, stage and option, made from the one table.

use crate::exit::{DONE, FAILED};
use crate::help::facts;
use crate::print::out;
use crate::table::usable_stages;
use dfp_config::options::{self, COMMANDS, OptionSpec, PIPELINES, PipelineKind};
use dfp_config::plan::OptionTexts;
use dfp_storage::atomic_write::write_whole;
use dfp_storage::names::shown;
use std::fmt::Write;

/// One command or stage.
struct Page {
    /// The words that lead to it, the program's name first.
    path: Vec<&'static str>,
    about: &'static str,
    options: &'static [OptionSpec],
}

fn pages() -> impl Iterator<Item = Page> {
    let commands = COMMANDS.into_iter().map(|(path, spec)| Page {
        path: std::iter::once("morpheus").chain(path.iter().copied()).collect(),
        about: spec.about,
        options: spec.options,
    });
    // A stage of several pipelines is told of with the first.
    let stages = options::stages().filter_map(|stage| {
        let is_here =
            |kind: &PipelineKind| usable_stages(*kind).any(|here| here.name == stage.name);
        let kind = PIPELINES.into_iter().find(is_here)?;
        Some(Page {
            path: vec!["morpheus", "run", kind.command().name, stage.name],
            about: stage.about,
            options: stage.options,
        })
    });
    commands.chain(stages)
}

/// `morpheus tools options`.
pub fn options(texts: &OptionTexts) -> u8 {
    match texts.get("markdown").and_then(|texts| texts.last()).map(String::as_str) {
        Some("false") | None => {
            for page in pages() {
                for option in page.options {
                    out(&format!(
                        "{} --{} {}",
                        page.path.join(" "),
                        option.name,
                        option.kind.placeholder()
                    ));
                }
            }
        }
        Some(_) => out(markdown().trim_end()),
    }
    DONE
}

/// The text of docs/options.md.
fn markdown() -> String {
    let mut text = "# Options\n\nEvery command, stage and option, printed by `morpheus tools options --markdown`.\n".to_owned();
    for page in pages() {
        let _ = writeln!(text, "\n## {}\n\n{}", page.path.join(" "), cell(page.about));
        if page.options.is_empty() {
            continue;
        }
        text.push_str("\n| option | value | what it does | |\n| --- | --- | --- | --- |\n");
        for option in page.options {
            let (value, facts) = (option.kind.placeholder(), facts(option).join("; "));
            let _ = writeln!(
                text,
                "| `--{}` | {} | {} | {} |",
                option.name,
                cell(&value),
                cell(option.help),
                cell(&facts)
            );
        }
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*")
}

/// `morpheus tools man`.
pub fn man(texts: &OptionTexts) -> u8 {
    let Some(directory) = texts.get("directory").and_then(|texts| texts.last()) else {
        let whole: String = pages().map(|page| page_text(&page)).collect();
        out(whole.trim_end());
        return DONE;
    };
    let directory = &dfp_storage::names::path(directory);
    let write = || -> Result<usize, String> {
        let mut written = 0;
        for page in pages() {
            let file = directory.join(format!("{}.1", page.path.join("-")));
            write_whole(&file, page_text(&page).as_bytes()).map_err(|why| why.to_string())?;
            written += 1;
        }
        Ok(written)
    };
    match write() {
        Ok(written) => {
            out(&format!("{written} pages in {}", shown(directory)));
            DONE
        }
        Err(why) => {
            out(&format!("error: {}: {why}", shown(directory)));
            FAILED
        }
    }
}

fn page_text(page: &Page) -> String {
    let (name, line) = (page.path.join("-"), page.path.join(" "));
    let mut text = format!(
        ".TH \"{}\" 1 \"\" \"morpheus {}\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n[OPTIONS]\n.SH OPTIONS\n",
        roff(&name.to_uppercase()),
        env!("CARGO_PKG_VERSION"),
        roff(&name),
        roff(page.about),
        roff(&line)
    );
    for option in page.options {
        let (flag, value) = (roff(&format!("--{}", option.name)), roff(&option.kind.placeholder()));
        let _ = writeln!(text, ".TP\n\\fB{flag}\\fR {value}\n{}", roff(option.help));
        let facts = facts(option);
        if !facts.is_empty() {
            let _ = writeln!(text, "[{}]", roff(&facts.join("; ")));
        }
    }
    text.push_str(".TP\n\\fB\\-\\-help\\fR\nprint this\n");
    text
}

/// Text in which nothing is a command of the formatter.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_in_the_docs_are_those_of_this_program() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/options.md");
        let written = std::fs::read_to_string(docs).unwrap();
        assert!(
            written == markdown(),
            "docs/options.md is old: morpheus tools options --markdown > docs/options.md"
        );
    }

    #[test]
    fn every_option_is_described_with_its_default_and_unit_everywhere() {
        let markdown = markdown();
        for page in pages() {
            let man = page_text(&page);
            for option in page.options {
                let place = format!("{} --{}", page.path.join(" "), option.name);
                assert!(
                    !option.help.is_empty() && !option.kind.placeholder().is_empty(),
                    "{place}"
                );
                let facts = facts(option);
                let says_default = option.help.contains("(default")
                    || facts.iter().any(|fact| {
                        ["default", "required", "accepted without", "refused"]
                            .iter()
                            .any(|word| fact.starts_with(word))
                    });
                assert!(says_default, "{place}");
                for part in std::iter::once(option.help).chain(facts.iter().map(String::as_str)) {
                    assert!(man.contains(&roff(part)), "{place} in the manual: {part}");
                    assert!(markdown.contains(&cell(part)), "{place} in the tables: {part}");
                }
            }
        }
    }
}
