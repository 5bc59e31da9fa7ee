//! The one table of commands, stages and options (those of the sources stand in `sources.rs`). Parsing, help, validation and the documents
//! all read it; a new option is one row, a new stage is one entry.

mod commands;
mod further;
mod kind;
mod pipelines;
mod quality;
mod results;
mod sources;
mod stages;
mod store;
mod unsupported;

pub use commands::{
    AUTOCOMPLETE_INSTALL, AUTOCOMPLETE_SHOW, AUTOENCODER, BENCH, COMMANDS, DOCTOR, FEATURES,
    GENERATE, GLOBAL, MAN, OPTIONS, PLAN_CHECK, RUN, WITH_WORDS, WithWords,
};
pub use kind::{Kind, Value, bool_word};
pub use pipelines::{OTHER, PIPELINES, PipelineKind};
pub use quality::{BACKTEST, EVALUATE};
pub use results::{ALERTS, EXPLAIN, PLOT, REPORT};
pub use stages::DELIMITER;
pub use store::{
    MODELS_DIFF, MODELS_EXPORT, MODELS_LIST, MODELS_PROMOTE, MODELS_PRUNE, MODELS_ROLLBACK,
    MODELS_SHOW, MODELS_VERIFY, SCORE, TRAIN,
};

use sources::SOURCE_STAGES;
use stages::STAGES;
use unsupported::ABSENT;

/// One option of a command or stage.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The spelling without the leading dashes.
    pub name: &'static str,
    /// Other accepted spellings, for options whose spelling changed between the peer's versions.
    pub aliases: &'static [&'static str],
    /// Environment variables that set it, besides those named after the path of commands.
    pub variables: &'static [&'static str],
    /// What a value may be.
    pub kind: Kind,
    /// The default as it would be typed.
    pub default: Option<&'static str>,
    /// Must be given.
    pub required: bool,
    /// May be given several times; every value counts.
    pub multiple: bool,
    /// One line.
    pub help: &'static str,
    /// What giving the option does.
    pub effect: Effect,
}

/// What giving an option does. There is no option that is silently ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its help says.
    Used,
    /// It has no meaning here: accepted, because scripts carry it, and said once.
    Noted(&'static str),
    /// Refused, with what to do instead.
    Refused {
        /// Why, and what to do.
        why: &'static str,
    },
}

impl OptionSpec {
    /// An optional, single, effective option.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            variables: &[],
            kind,
            default: None,
            required: false,
            multiple: false,
            help,
            effect: Effect::Used,
        }
    }

    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn variables(mut self, variables: &'static [&'static str]) -> Self {
        self.variables = variables;
        self
    }

    const fn noted(mut self, why: &'static str) -> Self {
        self.effect = Effect::Noted(why);
        self
    }

    const fn refused(mut self, why: &'static str) -> Self {
        self.effect = Effect::Refused { why };
        self
    }

    /// The names of the environment variables that can set this option, given the path of
    /// commands that lead to it (`["run", "pipeline-ae"]`), the option's own name first.
    pub fn environment_names(&self, path: &[&str]) -> Vec<String> {
        std::iter::once(self.name)
            .chain(self.aliases.iter().copied())
            .map(|name| {
                let parts: Vec<String> = std::iter::once("morpheus")
                    .chain(path.iter().copied())
                    .chain([name])
                    .map(|part| part.replace('-', "_").to_uppercase())
                    .collect();
                parts.join("_")
            })
            .chain(self.variables.iter().map(|&name| name.to_owned()))
            .collect()
    }
}

/// A command with options of its own: `morpheus`, `run`, `pipeline-ae`, those of `tools`.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// The word typed.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
}

/// The form of what flows between two stages: the reason why some orders make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Rows of one user, as read.
    UserRows,
    /// Rows cut into messages, for stages that need no model.
    Messages,
    /// Rows of one user, with a model looked for.
    Assigned,
    /// Also encoded as the network's input.
    Encoded,
    /// Also scored.
    Scored,
    /// Plain rows, ready to be written.
    Plain,
}

impl Form {
    /// What the form is called in messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::UserRows => "rows as read",
            Self::Messages => "rows in messages",
            Self::Assigned => "rows with a model",
            Self::Encoded => "encoded rows",
            Self::Scored => "scored rows",
            Self::Plain => "plain rows",
        }
    }
}

/// Every form.
const ANY: &[Form] =
    &[Form::UserRows, Form::Messages, Form::Assigned, Form::Encoded, Form::Scored, Form::Plain];

/// What a stage hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emits {
    /// What it was given.
    Same,
    /// This form.
    Form(Form),
}

/// One stage of a pipeline.
#[derive(Clone, Copy, Debug)]
pub struct StageEntry {
    /// The word typed.
    pub name: &'static str,
    /// Other words for the same stage.
    pub aliases: &'static [&'static str],
    /// One line.
    pub about: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// What it takes; a source takes nothing.
    pub role: Role,
}

/// Where a stage may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Stands first and emits this form.
    Source(Form),
    /// Takes any of these forms.
    Stage(&'static [Form], Emits),
    /// Takes and hands on anything, and does nothing, as in the peer: the message says why.
    Idle(&'static str),
    /// LoadedModel from the peer, not here: the message says why or what to use.
    Absent(&'static str),
}

/// Every stage, sources first, those of the peer that are not here last.
pub fn stages() -> impl Iterator<Item = &'static StageEntry> {
    SOURCE_STAGES.iter().chain(STAGES).chain(&ABSENT)
}

/// The stage of this name or alias.
pub fn stage(name: &str) -> Option<&'static StageEntry> {
    stages().find(|entry| entry.name == name || entry.aliases.contains(&name))
}

/// The option of this spelling (without dashes) among `options`.
pub fn option<'a>(options: &'a [OptionSpec], name: &str) -> Option<&'a OptionSpec> {
    options.iter().find(|option| option.name == name || option.aliases.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_option() -> impl Iterator<Item = (&'static str, &'static OptionSpec)> {
        COMMANDS
            .into_iter()
            .map(|(_, command)| (command.name, command.options))
            .chain(stages().map(|stage| (stage.name, stage.options)))
            .flat_map(|(name, options)| options.iter().map(move |option| (name, option)))
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for (place, option) in every_option() {
            if let Some(default) = option.default {
                assert!(
                    option.kind.parse(default).is_ok(),
                    "{place} --{}: {default:?}",
                    option.name
                );
            }
        }
    }

    #[test]
    fn names_are_unique_and_helped() {
        for (place, option) in every_option() {
            assert!(!option.help.is_empty(), "{place} --{} has no help", option.name);
            assert!(!option.name.starts_with('-'));
        }
        for options in COMMANDS
            .into_iter()
            .map(|(_, command)| command.options)
            .chain(stages().map(|stage| stage.options))
        {
            let mut names: Vec<&str> =
                options.iter().flat_map(|o| o.aliases.iter().copied().chain([o.name])).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }

    #[test]
    fn environment_names_follow_the_path_of_commands() {
        let option = option(stage("from-cloudtrail").unwrap().options, "input_glob").unwrap();
        assert_eq!(
            option.environment_names(&["run", "pipeline-ae", "from-cloudtrail"]),
            ["MORPHEUS_RUN_PIPELINE_AE_FROM_CLOUDTRAIL_INPUT_GLOB"]
        );
    }
}
