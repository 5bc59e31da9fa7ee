//! Words and environment variables -> [`Command`], by the table of options.
//!
//! The grammar is that of a chained Click group: a command's options stand before the next
//! command; stages follow one another, each with its own options; there are no positional
//! arguments, abbreviations or short options. All mistakes of a line are gathered.

mod tools;

use crate::help;
use crate::logging::{self, Logging};
use crate::table::at_the_top;
use dfp_config::options::{
    self, COMMANDS, CommandSpec, GLOBAL, Kind, OptionSpec, PIPELINES, PipelineKind, RUN, Role,
    bool_word,
};
use dfp_config::plan::{ABOUT_PLANS, OptionTexts, PlanSpec, StageSpec, read_plan};
use dfp_engine::Weight;
use dfp_storage::names;
use dfp_storage::nearest;
use std::path::PathBuf;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print this.
    Help(String),
    /// Print the version.
    Version,
    /// Run a pipeline; write what was typed as a plan first, as the options about plans say.
    Run { spec: PlanSpec, process: Process, about_plans: OptionTexts },
    /// Hold a plan against its data.
    CheckPlan(PlanSpec),
    /// Say what a run would do, or only what the machine has.
    Doctor(Option<PlanSpec>),
    /// Print a shell's completion script.
    ShowCompletion(OptionTexts),
    /// Install it.
    InstallCompletion(OptionTexts),
    /// Say what may stand in place of the last word; the first is the shell.
    CompletionWords(Vec<String>),
    /// Write manual pages.
    Man(OptionTexts),
    /// Print every option.
    Options(OptionTexts),
    /// Make synthetic logs.
    Generate(OptionTexts),
    /// Print a feature file, or check one; the words are its name, or logs to read.
    Features { texts: OptionTexts, words: Vec<String> },
    /// Measure this machine.
    Bench(OptionTexts),
    /// A command that takes words, by the words that lead to it.
    WithWords { line: &'static str, texts: OptionTexts, words: Vec<String>, level: Weight },
}

/// What is about this process alone, and has no place in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Messages of this weight and above are said.
    pub level: Weight,
    /// Add columns with the times of stages.
    pub debug: bool,
    /// A file that messages go to as well, from this weight on.
    pub log: Option<(PathBuf, Weight)>,
}

/// Why a line makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage {
    /// Each mistake.
    pub mistakes: Vec<String>,
    /// The command whose help says more.
    pub command: String,
}

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a command line, without the program's name.
pub fn parse(words: &[String], environment: Environment<'_>) -> Result<Command, Usage> {
    let mut parser = Parser { words, at: 0, environment, mistakes: Vec::new() };
    let (place, command) = parser.morpheus();
    match command {
        // Who asks for help gets it, whatever else stands on the line.
        Some(command @ (Command::Help(_) | Command::Version)) => Ok(command),
        Some(command) if parser.mistakes.is_empty() => Ok(command),
        _ => Err(Usage { mistakes: parser.mistakes, command: place.to_owned() }),
    }
}

struct Parser<'a> {
    words: &'a [String],
    at: usize,
    environment: Environment<'a>,
    mistakes: Vec<String>,
}

/// What the options of one command amount to.
enum Options {
    Given(OptionTexts),
    Help,
    Version,
}

/// A command, if there is one, and the words that lead to it.
type Parsed = (&'static str, Option<Command>);

impl Parser<'_> {
    fn next_word(&mut self) -> Option<String> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word.clone())
    }

    fn morpheus(&mut self) -> Parsed {
        const HERE: &str = "morpheus";
        let global = match self.options(GLOBAL.name, GLOBAL.options, &[]) {
            Options::Given(texts) => texts,
            Options::Version => return (HERE, Some(Command::Version)),
            Options::Help => return (HERE, Some(Command::Help(help::morpheus()))),
        };
        let process = self.process(&global);
        match self.next_word().as_deref() {
            None => (HERE, self.help_where_nothing_is_wrong(help::morpheus)),
            Some("help") => self.help(),
            Some("run") => self.run(process),
            Some("models") => self.models(process.level),
            Some(word) if let Some(command) = at_the_top().find(|of| of.spec.name == word) => {
                self.with_words(command, process.level)
            }
            Some("plan") => self.plan(),
            Some("tools") => self.tools(process),
            Some(word) => {
                let known = ["run"].into_iter().chain(at_the_top().map(|of| of.spec.name));
                let known: Vec<&str> = known.chain(["models", "plan", "tools", "help"]).collect();
                let mistake = unknown("command", word, &known);
                self.mistakes.push(mistake);
                (HERE, None)
            }
        }
    }

    /// `help COMMAND` is `COMMAND --help`.
    fn help(&mut self) -> Parsed {
        let mut words = self.words[self.at..].to_vec();
        words.push("--help".to_owned());
        let (environment, mistakes) = (self.environment, Vec::new());
        let mut asked = Parser { words: &words, at: 0, environment, mistakes };
        match asked.morpheus() {
            (here, Some(help @ Command::Help(_))) => (here, Some(help)),
            (here, _) if !asked.mistakes.is_empty() => {
                self.mistakes.append(&mut asked.mistakes);
                (here, None)
            }
            // A command that takes any words takes this one too.
            (here, _) => (here, Some(Command::Help(help::morpheus()))),
        }
    }

    /// The help of a command that got nothing, unless there are mistakes to report.
    fn help_where_nothing_is_wrong(&self, help: fn() -> String) -> Option<Command> {
        self.mistakes.is_empty().then(|| Command::Help(help()))
    }

    /// The global options have no place in a plan: they are about this process alone.
    fn process(&mut self, global: &OptionTexts) -> Process {
        for option in GLOBAL.options {
            let texts = global.get(option.name).map(Vec::as_slice).unwrap_or_default();
            for text in texts {
                if let Err(why) = option.kind.parse(text) {
                    self.mistakes.push(format!("morpheus: --{}: {why}", option.name));
                } else if let options::Effect::Refused { why, .. } = option.effect {
                    self.mistakes
                        .push(format!("morpheus: --{} {text:?} is refused: {why}", option.name));
                }
            }
        }
        let last = |name: &str| global.get(name).and_then(|texts| texts.last());
        let configuration =
            match last("log_config_file").map(|path| logging::read(&names::path(path))) {
                Some(Ok(configuration)) => configuration,
                Some(Err(why)) => {
                    self.mistakes.push(format!("morpheus: --log_config_file: {why}"));
                    Logging::default()
                }
                None => Logging::default(),
            };
        if last("shared_files").and_then(|text| bool_word(text)) == Some(true) {
            dfp_storage::private::share();
        }
        let level = last("log_level").and_then(|word| logging::weight(word));
        Process {
            level: level.or(configuration.level).unwrap_or(Weight::Warning),
            debug: last("debug").and_then(|text| bool_word(text)) == Some(true),
            log: configuration.file,
        }
    }

    fn run(&mut self, process: Process) -> Parsed {
        const HERE: &str = "morpheus run";
        let mut run = match self.options(RUN.name, RUN.options, &["run"]) {
            Options::Given(texts) => texts,
            _ => return (HERE, Some(Command::Help(help::run()))),
        };
        let of_plans = ABOUT_PLANS.iter().filter_map(|name| run.remove_entry(*name));
        let about_plans: OptionTexts = of_plans.collect();
        if let Some(path) = about_plans.get("plan").and_then(|texts| texts.last().cloned()) {
            let spec = self.plan_of(&path, run);
            return (HERE, spec.map(|spec| Command::Run { spec, process, about_plans }));
        }
        match self.next_word().as_deref() {
            None => (HERE, self.help_where_nothing_is_wrong(help::run)),
            Some(word) if let Some(kind) = PipelineKind::of(word) => {
                self.pipeline(kind, run, process, about_plans)
            }
            Some(word @ ("pipeline" | "pipeline-nlp" | "pipeline-fil")) => {
                let mistake = format!(
                    "{word} is not here: its models are not; pipeline-ae learns users, pipeline-other needs no model"
                );
                self.mistakes.push(mistake);
                (HERE, None)
            }
            Some(word) => {
                let mistake = unknown("pipeline", word, &PIPELINES.map(|kind| kind.command().name));
                self.mistakes.push(mistake);
                (HERE, None)
            }
        }
    }

    fn pipeline(
        &mut self,
        kind: PipelineKind,
        run: OptionTexts,
        process: Process,
        about_plans: OptionTexts,
    ) -> Parsed {
        let here = match kind {
            PipelineKind::Autoencoder => "morpheus run pipeline-ae",
            PipelineKind::Other => "morpheus run pipeline-other",
        };
        let CommandSpec { name: command, options, .. } = *kind.command();
        let pipeline = match self.options(command, options, &["run", command]) {
            Options::Given(texts) => texts,
            _ => return (here, Some(Command::Help(help::pipeline(kind)))),
        };
        if self.at == self.words.len() && self.mistakes.is_empty() {
            return (here, Some(Command::Help(help::pipeline(kind))));
        }
        let mut stages = Vec::new();
        while let Some(name) = self.next_word() {
            let entry =
                options::stage(&name).filter(|entry| !matches!(entry.role, Role::Absent(_)));
            let Some(entry) = entry else {
                // The check of the plan says what is wrong with the name; its options cannot be told.
                self.skip_to_next_stage();
                stages.push(StageSpec { name, options: OptionTexts::new() });
                continue;
            };
            match self.options(entry.name, entry.options, &["run", command, entry.name]) {
                Options::Given(options) => stages.push(StageSpec { name, options }),
                _ => return (here, Some(Command::Help(help::stage(kind, entry)))),
            }
        }
        let spec = PlanSpec { kind, run, pipeline, stages };
        // A line with a mistake in its spelling may have others: all are told together.
        if !self.mistakes.is_empty()
            && let Err(further) = dfp_config::plan::check(&spec)
        {
            self.mistakes.extend(further);
        }
        (here, Some(Command::Run { spec, process, about_plans }))
    }

    /// The plan in a file; what was typed of `run` goes before what it says.
    fn plan_of(&mut self, path: &str, typed: OptionTexts) -> Option<PlanSpec> {
        if let Some(word) = self.next_word() {
            self.mistakes
                .push(format!("unexpected word {word:?}: the plan {path:?} is the whole pipeline"));
        }
        match read_plan(&names::path(path)) {
            Ok(mut spec) => {
                spec.run.extend(typed);
                Some(spec)
            }
            Err(mistakes) => {
                self.mistakes.extend(mistakes);
                None
            }
        }
    }

    /// Reads options until a word that is none; `path` leads to the command, for the names of
    /// environment variables.
    fn options(&mut self, place: &str, table: &'static [OptionSpec], path: &[&str]) -> Options {
        let mut texts = OptionTexts::new();
        while let Some(word) = self.words.get(self.at) {
            let typed = match word.as_str() {
                SHORT_HELP => "help",
                "-V" if path.is_empty() => "version",
                word => match word.strip_prefix("--") {
                    Some(typed) => typed,
                    None => break,
                },
            };
            self.at += 1;
            let (name, value) = match typed.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (typed, None),
            };
            match name {
                "help" => return Options::Help,
                "version" if path.is_empty() => return Options::Version,
                _ => {}
            }
            if let Some(option) = options::option(table, name) {
                if let Some(text) = self.value(place, option, table, value) {
                    texts.entry(option.name.to_owned()).or_default().push(text);
                }
            } else if let Some(option) = negated(table, name) {
                texts.entry(option.name.to_owned()).or_default().push("false".to_owned());
            } else {
                self.unknown_option(place, table, name, value.is_none());
            }
        }
        self.add_environment(table, path, &mut texts);
        Options::Given(texts)
    }

    /// The value of an option just read. A yes-or-no option may stand alone; any other takes the
    /// next word, unless that is plainly another option of the same command.
    fn value(
        &mut self,
        place: &str,
        option: &OptionSpec,
        table: &'static [OptionSpec],
        inline: Option<String>,
    ) -> Option<String> {
        if inline.is_some() {
            return inline;
        }
        let next = self.words.get(self.at);
        if option.kind == Kind::Bool {
            // A word that is no stage, command or option was meant as the value, even a misspelt one.
            let is_value = |word: &&String| {
                !is_option_like(word) && options::stage(word).is_none() && !is_command(word)
            };
            return Some(match next.filter(is_value) {
                Some(word) => {
                    self.at += 1;
                    word.clone()
                }
                None => "true".to_owned(),
            });
        }
        let is_option = |word: &&String| {
            *word == SHORT_HELP
                || word.strip_prefix("--").is_some_and(|word| {
                    let name = word.split('=').next().unwrap_or(word);
                    name == "help" || options::option(table, name).is_some()
                })
        };
        match next.filter(|word| !is_option(word)) {
            Some(word) => {
                self.at += 1;
                Some(word.clone())
            }
            None => {
                let placeholder = option.kind.placeholder();
                self.mistakes
                    .push(format!("{place}: --{} needs a value: {placeholder}", option.name));
                None
            }
        }
    }

    fn unknown_option(
        &mut self,
        place: &str,
        table: &[OptionSpec],
        name: &str,
        may_have_value: bool,
    ) {
        let known =
            table.iter().flat_map(|option| option.aliases.iter().copied().chain([option.name]));
        self.mistakes.push(match nearest(name, known) {
            Some(near) => format!("{place}: there is no option --{name}; did you mean --{near}"),
            None => format!("{place}: there is no option --{name}"),
        });
        // A word after it is its value, not a stage, unless it is the name of one.
        let next = self.words.get(self.at).filter(|word| !is_option_like(word));
        if may_have_value
            && next.is_some_and(|word| options::stage(word).is_none() && !is_command(word))
        {
            self.at += 1;
        }
    }

    fn add_environment(&mut self, table: &[OptionSpec], path: &[&str], texts: &mut OptionTexts) {
        for option in
            table.iter().filter(|option| !texts.contains_key(option.name)).collect::<Vec<_>>()
        {
            let names = option.environment_names(path);
            let set =
                names.iter().find_map(|name| (self.environment)(name).map(|text| (name, text)));
            let Some((name, text)) = set.filter(|(_, text)| !text.is_empty()) else { continue };
            let values: Vec<String> = if option.multiple {
                text.split_whitespace().map(str::to_owned).collect()
            } else {
                vec![text]
            };
            match values.iter().find_map(|value| option.kind.parse(value).err()) {
                Some(why) => self.mistakes.push(format!("{name} in the environment: {why}")),
                None => drop(texts.insert(option.name.to_owned(), values)),
            }
        }
    }

    fn skip_to_next_stage(&mut self) {
        while self.words.get(self.at).is_some_and(|word| options::stage(word).is_none()) {
            self.at += 1;
        }
    }
}

/// The yes-or-no option that `no-…` denies.
fn negated(table: &'static [OptionSpec], name: &str) -> Option<&'static OptionSpec> {
    options::option(table, name.strip_prefix("no-")?).filter(|option| option.kind == Kind::Bool)
}

/// As `--help`.
const SHORT_HELP: &str = "-h";

/// Whether a word is no value and no name.
fn is_option_like(word: &str) -> bool {
    word.starts_with("--") || word == SHORT_HELP
}

fn is_command(word: &str) -> bool {
    COMMANDS.into_iter().any(|(path, _)| path.contains(&word))
}

fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("there is no {what} {word:?}; did you mean {near}"),
        None => format!("there is no {what} {word:?}; expected {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
