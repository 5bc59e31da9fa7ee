//! Help texts, made from the table of options.

use crate::examples::lines;
use crate::table::{at_the_top, usable_stages};
use dfp_config::options::{
    COMMANDS, CommandSpec, Effect, FEATURES, GLOBAL, OptionSpec, PIPELINES, PipelineKind, RUN,
    StageEntry, WithWords,
};
use dfp_features::feature_file::built_in;
use std::fmt::Write;

/// What `morpheus tools` is for.
const TOOLS: &str = "make demonstration data, look at features, measure this machine, ask what a run would do, completion and manual pages";
/// What `morpheus models` is for.
const MODELS: &str = "look at the models of a store, promote and take back, export, clear up";
/// What `morpheus plan` is for.
const PLAN: &str = "pipelines in files (docs/plans.md)";

/// Help of `morpheus`.
pub fn morpheus() -> String {
    let mut text = head("morpheus [OPTIONS] COMMAND", GLOBAL.about);
    options(&mut text, GLOBAL.options);
    text.push_str("  -V, --version\n      print the version\n");
    let with_words = at_the_top().map(|command| (command.spec.name, command.spec.about));
    let all = [("run", RUN.about)].into_iter().chain(with_words);
    let groups = [("models", MODELS), ("plan", PLAN), ("tools", TOOLS)];
    commands(&mut text, "Commands", all.chain(groups));
    text
}

/// Help of a command that takes words.
pub fn with_words(command: &WithWords) -> String {
    self::command(format!("{} {}", command.line, command.words).trim_end(), command.spec)
}

/// Help of `morpheus models`.
pub fn models() -> String {
    group("models", MODELS)
}

/// Help of `morpheus run`.
pub fn run() -> String {
    let mut text = head("morpheus run [OPTIONS] PIPELINE", RUN.about);
    options(&mut text, RUN.options);
    let pipelines = PIPELINES.map(|kind| (kind.command().name, kind.command().about));
    commands(&mut text, "Pipelines", pipelines);
    examples(&mut text, "morpheus run");
    text
}

/// Help of a pipeline.
pub fn pipeline(kind: PipelineKind) -> String {
    let CommandSpec { name, about, options: table } = *kind.command();
    let line =
        format!("morpheus run [OPTIONS] {name} [OPTIONS] STAGE [OPTIONS] [STAGE [OPTIONS]]...");
    let mut text = head(&line, about);
    options(&mut text, table);
    commands(
        &mut text,
        "Stages, in an order that works",
        usable_stages(kind).map(|stage| (stage.name, stage.about)),
    );
    text.push_str("\nSTAGE --help describes the options of a stage.\n");
    examples(&mut text, &format!("morpheus run {name}"));
    text
}

/// Help of a stage.
pub fn stage(kind: PipelineKind, entry: &StageEntry) -> String {
    let pipeline = kind.command().name;
    let mut text =
        head(&format!("morpheus run {pipeline} ... {} [OPTIONS]", entry.name), entry.about);
    if !entry.aliases.is_empty() {
        let _ = writeln!(text, "\nAlso called {}.", entry.aliases.join(", "));
    }
    options(&mut text, entry.options);
    text
}

/// Help of `morpheus tools`.
pub fn tools() -> String {
    group("tools", TOOLS)
}

/// Help of `morpheus plan`.
pub fn plan() -> String {
    group("plan", PLAN)
}

/// Help of a command that only leads to others.
fn group(name: &str, about: &str) -> String {
    let mut text = head(&format!("morpheus {name} COMMAND"), about);
    let inside = COMMANDS.into_iter().filter(|(path, _)| path.first() == Some(&name));
    let rows: Vec<(String, &str)> =
        inside.map(|(path, spec)| (path[1..].join(" "), spec.about)).collect();
    commands(&mut text, "Commands", rows.iter().map(|(path, about)| (path.as_str(), *about)));
    text
}

/// Help of `morpheus tools features`.
pub fn features() -> String {
    let mut text = head(
        "morpheus tools features NAME\n       morpheus tools features --check FILE [OPTIONS] LOGS...",
        FEATURES.about,
    );
    options(&mut text, FEATURES.options);
    let names: Vec<&str> = built_in().map(|(name, _)| name).collect();
    let _ = writeln!(text, "\nBuilt-in feature files: {}", names.join(", "));
    examples(&mut text, "morpheus tools features");
    text
}

/// Help of a command without sub-commands.
pub fn command(line: &str, spec: &CommandSpec) -> String {
    let mut text = head(&format!("{line} [OPTIONS]"), spec.about);
    options(&mut text, spec.options);
    examples(&mut text, line);
    text
}

/// A help text as a terminal shows it: lines within its width, headings and names of options in bold, unless
/// `NO_COLOR` is set. Where it goes to a file or pipe it is left as it is.
pub fn for_terminal(text: &str) -> String {
    let terminal = console::Term::stdout();
    if !terminal.is_term() {
        return text.to_owned();
    }
    let bold = console::colors_enabled();
    laid_out(text, usize::from(terminal.size().1), bold)
}

/// The text in lines of a width; nothing is cut, so a word that is longer stands out.
fn laid_out(text: &str, width: usize, bold: bool) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.starts_with("  morpheus ") {
            // It is there to be copied.
            lines.push(line.to_owned());
            continue;
        }
        let is_heading = indent.is_empty() && (line.ends_with(':') || line.starts_with("Usage: "));
        let is_option = indent.len() == 2 && line.trim_start().starts_with('-');
        let further = if is_option { format!("{indent}    ") } else { indent.to_owned() };
        let options = textwrap::Options::new(width.max(20))
            .subsequent_indent(&further)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let wrapped = textwrap::wrap(line, options);
        lines.extend(wrapped.iter().enumerate().map(|(at, line)| {
            match bold && at == 0 && (is_heading || is_option) {
                true => console::style(line).bold().force_styling(true).to_string(),
                false => line.to_string(),
            }
        }));
    }
    lines.join("\n")
}

fn head(line: &str, about: &str) -> String {
    format!("Usage: {line}\n\n{about}\n")
}

fn commands<'a>(
    text: &mut String,
    title: &str,
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    let _ = writeln!(text, "\n{title}:");
    for (name, about) in rows {
        let _ = writeln!(text, "  {name:<16} {about}");
    }
}

/// What there is to know about an option besides its help: the same in help, manual and tables.
pub fn facts(option: &OptionSpec) -> Vec<String> {
    let mut facts = Vec::new();
    if option.required {
        facts.push("required".to_owned());
    }
    if option.multiple {
        facts.push("may be given several times".to_owned());
    }
    match option.default {
        Some("") => facts.push("default: empty".to_owned()),
        Some(default) => facts.push(format!("default: {default}")),
        None if option.required || option.help.contains("(default") => {}
        None => facts.push("default: none".to_owned()),
    }
    if !option.aliases.is_empty() {
        facts.push(format!("also --{}", option.aliases.join(", --")));
    }
    match option.effect {
        Effect::Used => {}
        Effect::Noted(why) => facts.push(format!("accepted without effect: {why}")),
        Effect::Refused { why } => facts.push(format!("refused: {why}")),
    }
    facts
}

/// The options, those first that have to be given.
fn options(text: &mut String, table: &[OptionSpec]) {
    let (required, others): (Vec<&OptionSpec>, Vec<&OptionSpec>) =
        table.iter().partition(|option| option.required);
    if !required.is_empty() {
        text.push_str("\nRequired:\n");
        required.into_iter().for_each(|option| describe(text, option));
    }
    text.push_str("\nOptions:\n");
    others.into_iter().for_each(|option| describe(text, option));
    text.push_str("  -h, --help\n      show this help; so does `morpheus help COMMAND`\n");
}

fn describe(text: &mut String, option: &OptionSpec) {
    let _ = writeln!(text, "  --{} {}", option.name, option.kind.placeholder());
    let _ = writeln!(text, "      {}", option.help);
    let facts = facts(option);
    if !facts.is_empty() {
        let _ = writeln!(text, "      [{}]", facts.join("; "));
    }
}

/// Lines with the command of a usage line.
fn examples(text: &mut String, usage: &str) {
    text.push_str("\nExamples:\n");
    for line in lines(usage) {
        let _ = writeln!(text, "  {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_lines_of_its_width_and_nothing_is_lost() {
        for (path, spec) in COMMANDS {
            let text = command(&format!("morpheus {}", path.join(" ")), spec);
            for width in [40, 80, 200] {
                let laid_out = laid_out(&text, width, false);
                let words =
                    |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
                assert_eq!(words(&laid_out), words(&text), "{path:?} {width}");
                let is_long = |line: &&str| {
                    let can_be_cut = line.trim_start().contains(' ');
                    line.chars().count() > width && can_be_cut && !line.starts_with("  morpheus ")
                };
                let long = laid_out.lines().find(is_long);
                assert_eq!(long, None, "{path:?} {width}");
            }
        }
        assert_eq!(
            laid_out("Options:\n  --a TEXT\n      b", 80, true),
            "\u{1b}[1mOptions:\u{1b}[0m\n\u{1b}[1m  --a TEXT\u{1b}[0m\n      b"
        );
    }

    #[test]
    fn what_is_required_comes_first() {
        let text = command("morpheus train", &dfp_config::options::TRAIN);
        let at = |part: &str| text.find(part).unwrap();
        assert!(at("Required:") < at("--input") && at("--store") < at("Options:"), "{text}");
        assert!(at("Options:") < at("--seed") && at("--seed") < at("Examples:"), "{text}");
    }
}
