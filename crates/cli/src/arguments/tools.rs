//! The commands beside `run`: `plan` and `tools`.

use super::{Command, Options, Parsed, Parser, Process, unknown};
use crate::help;
use dfp_config::options::{
    AUTOCOMPLETE_INSTALL, AUTOCOMPLETE_SHOW, BENCH, CommandSpec, DOCTOR, FEATURES, GENERATE, MAN,
    OPTIONS, PLAN_CHECK, WITH_WORDS, WithWords,
};
use dfp_config::plan::OptionTexts;
use dfp_engine::Weight;

/// The commands of `tools`.
const TOOLS: [&str; 7] =
    ["generate", "features", "bench", "doctor", "autocomplete", "man", "options"];

impl Parser<'_> {
    pub(super) fn plan(&mut self) -> Parsed {
        const HERE: &str = "morpheus plan check";
        match self.next_word().as_deref() {
            None => return ("morpheus plan", self.help_where_nothing_is_wrong(help::plan)),
            Some("--help" | "-h") => {
                return ("morpheus plan", Some(Command::Help(help::plan())));
            }
            Some("check") => {}
            Some(word) => {
                let mistake = unknown("command", word, &["check"]);
                self.mistakes.push(mistake);
                return ("morpheus plan", None);
            }
        }
        match self.options(PLAN_CHECK.name, PLAN_CHECK.options, &["plan", "check"]) {
            Options::Given(_) => {}
            _ => {
                return (
                    HERE,
                    Some(Command::Help(help::command("morpheus plan check FILE", &PLAN_CHECK))),
                );
            }
        }
        let Some(path) = self.next_word() else {
            self.mistakes.push("check: expected the file of a plan".to_owned());
            return (HERE, None);
        };
        (HERE, self.plan_of(&path, OptionTexts::new()).map(Command::CheckPlan))
    }

    fn doctor(&mut self, process: Process) -> Parsed {
        const HERE: &str = "morpheus tools doctor";
        let texts = match self.options(DOCTOR.name, DOCTOR.options, &["tools", DOCTOR.name]) {
            Options::Given(texts) => texts,
            _ => {
                return (
                    HERE,
                    Some(Command::Help(help::command(
                        "morpheus tools doctor [OPTIONS] [run ...]",
                        &DOCTOR,
                    ))),
                );
            }
        };
        if let Some(path) = texts.get("plan").and_then(|texts| texts.last()) {
            let spec = self.plan_of(path, OptionTexts::new());
            return (HERE, spec.map(|spec| Command::Doctor(Some(spec))));
        }
        match self.next_word().as_deref() {
            None => (HERE, Some(Command::Doctor(None))),
            Some("run") => match self.run(process) {
                (here, Some(Command::Run { spec, .. })) => {
                    (here, Some(Command::Doctor(Some(spec))))
                }
                other => other,
            },
            Some(word) => {
                let mistake = unknown("command", word, &["run"]);
                self.mistakes.push(mistake);
                (HERE, None)
            }
        }
    }

    fn autocomplete(&mut self) -> Parsed {
        match self.next_word().as_deref() {
            None => ("morpheus tools", self.help_where_nothing_is_wrong(help::tools)),
            Some("--help" | "-h") => ("morpheus tools", Some(Command::Help(help::tools()))),
            Some("show") => {
                let here = "morpheus tools autocomplete show";
                self.tool(here, &AUTOCOMPLETE_SHOW, Command::ShowCompletion)
            }
            Some("install") => {
                let here = "morpheus tools autocomplete install";
                self.tool(here, &AUTOCOMPLETE_INSTALL, Command::InstallCompletion)
            }
            // What the scripts call; the words after it are whatever has been typed so far.
            Some("words") => {
                let words = self.words[self.at..].to_vec();
                self.at = self.words.len();
                ("morpheus tools autocomplete", Some(Command::CompletionWords(words)))
            }
            Some(word) => {
                let mistake = unknown("command", word, &["show", "install"]);
                self.mistakes.push(mistake);
                ("morpheus tools autocomplete show", None)
            }
        }
    }

    pub(super) fn tools(&mut self, process: Process) -> Parsed {
        const HERE: &str = "morpheus tools";
        match self.next_word().as_deref() {
            None => (HERE, self.help_where_nothing_is_wrong(help::tools)),
            Some("--help" | "-h") => (HERE, Some(Command::Help(help::tools()))),
            Some("generate") => self.tool("morpheus tools generate", &GENERATE, Command::Generate),
            Some("features") => self.features(),
            Some("bench") => self.tool("morpheus tools bench", &BENCH, Command::Bench),
            Some("doctor") => self.doctor(process),
            Some("autocomplete") => self.autocomplete(),
            Some("man") => self.tool("morpheus tools man", &MAN, Command::Man),
            Some("options") => self.tool("morpheus tools options", &OPTIONS, Command::Options),
            Some("onnx-to-trt") => {
                self.mistakes
                    .push("onnx-to-trt is not here: models need no GPU runtime".to_owned());
                (HERE, None)
            }
            Some(word) => {
                let mistake = unknown("tool", word, &TOOLS);
                self.mistakes.push(mistake);
                (HERE, None)
            }
        }
    }

    fn features(&mut self) -> Parsed {
        const HERE: &str = "morpheus tools features";
        match self.options_and_words(&FEATURES, &["tools", FEATURES.name]) {
            Some((texts, words)) if !texts.is_empty() || !words.is_empty() => {
                (HERE, Some(Command::Features { texts, words }))
            }
            Some(_) if !self.mistakes.is_empty() => (HERE, None),
            // Its help lists the built-in feature files.
            _ => (HERE, Some(Command::Help(help::features()))),
        }
    }

    /// A command that takes words besides its options.
    pub(super) fn with_words(&mut self, command: &'static WithWords, level: Weight) -> Parsed {
        let WithWords { line, spec, .. } = *command;
        let path: Vec<&str> = line.split(' ').skip(1).collect();
        match self.options_and_words(spec, &path) {
            Some((texts, words)) => (line, Some(Command::WithWords { line, texts, words, level })),
            None => (line, Some(Command::Help(help::with_words(command)))),
        }
    }

    /// The commands over a store of models.
    pub(super) fn models(&mut self, level: Weight) -> Parsed {
        const HERE: &str = "morpheus models";
        let all = || WITH_WORDS.iter().filter(|command| command.line.starts_with(HERE));
        match self.next_word().as_deref() {
            None => (HERE, self.help_where_nothing_is_wrong(help::models)),
            Some("--help" | "-h") => (HERE, Some(Command::Help(help::models()))),
            Some(word) => match all().find(|command| command.spec.name == word) {
                Some(command) => self.with_words(command, level),
                None => {
                    let known: Vec<&str> = all().map(|command| command.spec.name).collect();
                    let mistake = unknown("command", word, &known);
                    self.mistakes.push(mistake);
                    (HERE, None)
                }
            },
        }
    }

    /// Options, and the words between them; `None` if help is asked for.
    fn options_and_words(
        &mut self,
        spec: &'static CommandSpec,
        path: &[&str],
    ) -> Option<(OptionTexts, Vec<String>)> {
        let (mut texts, mut words) = (OptionTexts::new(), Vec::new());
        loop {
            let Options::Given(more) = self.options(spec.name, spec.options, path) else {
                return None;
            };
            for (option, values) in more {
                texts.entry(option).or_default().extend(values);
            }
            match self.next_word() {
                Some(word) => words.push(word),
                None => break,
            }
        }
        Some((texts, words))
    }

    /// A command that ends the line: options, and nothing after them.
    fn tool(
        &mut self,
        here: &'static str,
        spec: &'static CommandSpec,
        command: fn(OptionTexts) -> Command,
    ) -> Parsed {
        match self.options(spec.name, spec.options, &["tools", spec.name]) {
            Options::Given(texts) => {
                if let Some(word) = self.next_word() {
                    self.mistakes.push(format!(
                        "{}: unexpected word {word:?}; it takes options only",
                        spec.name
                    ));
                }
                self.check_values(spec, &texts);
                (here, Some(command(texts)))
            }
            _ => (here, Some(Command::Help(help::command(here, spec)))),
        }
    }

    /// The values of tools that have no check of their own in `dfp_config::plan`.
    fn check_values(&mut self, spec: &CommandSpec, texts: &OptionTexts) {
        if [GENERATE.name, BENCH.name].contains(&spec.name) {
            return;
        }
        for option in spec.options {
            for text in texts.get(option.name).into_iter().flatten() {
                if let Err(why) = option.kind.parse(text) {
                    self.mistakes.push(format!("{}: --{}: {why}", spec.name, option.name));
                }
            }
        }
    }
}
