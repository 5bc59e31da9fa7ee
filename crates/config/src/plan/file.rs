//! Plans as files: what was typed, in TOML or JSON.
//!
//! A plan is the options of `run` and `pipeline-ae` and the list of stages, each with its options, by the
//! names of the table. Reading keeps texts as they would be typed, so that a line and its plan are
//! checked, and run, in the same way.

use super::{OptionTexts, PlanSpec, StageSpec};
use crate::options::{PIPELINES, PipelineKind};
use dfp_storage::names::masked;
use dfp_storage::nearest;
use serde_json::{Map, Value};
use std::fmt::Write;
use std::path::Path;

/// The version that is written and read.
const VERSION: u64 = 1;
/// The key of a stage's name; all others of a stage are its options.
const STAGE: &str = "stage";
const KEYS: [&str; 5] = ["version", "kind", "run", "pipeline", "stages"];
/// Options of `run` that are about plans themselves.
pub const ABOUT_PLANS: [&str; 2] = ["plan", "save_plan"];

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanFormat {
    /// `.toml`
    Toml,
    /// `.json`
    Json,
}

impl PlanFormat {
    /// The format that a file's name tells.
    ///
    /// # Errors
    /// It tells none.
    pub fn of(path: &Path) -> Result<Self, String> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("toml") => Ok(Self::Toml),
            Some("json") => Ok(Self::Json),
            _ => Err(format!(
                "{:?} does not show its format; expected .toml, .json",
                path.display().to_string()
            )),
        }
    }
}

/// Reads a plan; its values are checked by [`super::check()`].
///
/// # Errors
/// Every mistake, each with the file's name and the key.
pub fn read_plan(path: &Path) -> Result<PlanSpec, Vec<String>> {
    let name = path.display().to_string();
    let refuse = |why: String| vec![format!("plan {name:?}: {why}")];
    let format = PlanFormat::of(path).map_err(|why| vec![format!("plan {why}")])?;
    let text = std::fs::read_to_string(path).map_err(|why| refuse(why.to_string()))?;
    parse_plan(&text, format).map_err(|mistakes| mistakes.into_iter().flat_map(refuse).collect())
}

/// Reads the text of a plan.
///
/// # Errors
/// Every mistake, each with its key.
pub fn parse_plan(text: &str, format: PlanFormat) -> Result<PlanSpec, Vec<String>> {
    let root: Map<String, Value> = match format {
        PlanFormat::Json => serde_json::from_str(text).map_err(|why| vec![why.to_string()])?,
        PlanFormat::Toml => toml::from_str(text).map_err(|why| {
            let before = why.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            vec![format!("line {}: {}", before.matches('\n').count() + 1, why.message())]
        })?,
    };
    let mut reader = Reader::default();
    let spec = reader.spec(&root);
    if reader.mistakes.is_empty() { Ok(spec) } else { Err(reader.mistakes) }
}

#[derive(Default)]
struct Reader {
    mistakes: Vec<String>,
}

impl Reader {
    fn spec(&mut self, root: &Map<String, Value>) -> PlanSpec {
        match root.get("version") {
            Some(Value::Number(number)) if number.as_u64() == Some(VERSION) => {}
            Some(other) => self
                .mistakes
                .push(format!("version: {other} is not known here; expected {VERSION}")),
            None => self.mistakes.push(format!("version is missing; expected version = {VERSION}")),
        }
        let kind = self.kind(root.get("kind"));
        for key in root.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.mistakes.push(match nearest(key, KEYS) {
                Some(near) => format!("there is no key {key:?}; did you mean {near}"),
                None => format!("there is no key {key:?}; expected {}", KEYS.join(", ")),
            });
        }
        let run = self.options("run", root.get("run"));
        for name in ABOUT_PLANS.iter().filter(|name| run.contains_key(**name)) {
            self.mistakes.push(format!("run: {name} has no place in a plan"));
        }
        let pipeline = self.options("pipeline", root.get("pipeline"));
        let stages = match root.get("stages") {
            Some(Value::Array(stages)) => stages
                .iter()
                .enumerate()
                .filter_map(|(n, stage)| self.stage(n + 1, stage))
                .collect(),
            Some(_) => {
                self.mistakes.push("stages is no list of stages".to_owned());
                Vec::new()
            }
            None => {
                self.mistakes
                    .push("stages is missing: the list of stages, from the source on".to_owned());
                Vec::new()
            }
        };
        PlanSpec { kind, run, pipeline, stages }
    }

    fn kind(&mut self, value: Option<&Value>) -> PipelineKind {
        let known = match value {
            None => Some(PipelineKind::default()),
            Some(value) => value.as_str().and_then(PipelineKind::of),
        };
        known.unwrap_or_else(|| {
            let names = PIPELINES.map(|kind| kind.command().name).join(", ");
            let value = value.map(Value::to_string).unwrap_or_default();
            self.mistakes.push(format!("kind: {value} is not known here; expected {names}"));
            PipelineKind::default()
        })
    }

    fn stage(&mut self, number: usize, value: &Value) -> Option<StageSpec> {
        let Some(Value::String(name)) = value.get(STAGE) else {
            self.mistakes.push(format!("stage {number} has no name: stage = \"from-cloudtrail\""));
            return None;
        };
        let mut options = value.clone();
        options.as_object_mut()?.remove(STAGE);
        let options = self.options(name, Some(&options));
        Some(StageSpec { name: name.clone(), options })
    }

    fn options(&mut self, place: &str, value: Option<&Value>) -> OptionTexts {
        let mut texts = OptionTexts::new();
        let Some(value) = value else { return texts };
        let Some(options) = value.as_object() else {
            self.mistakes.push(format!("{place}: {value} is no table of options"));
            return texts;
        };
        for (name, value) in options {
            let read: Option<Vec<String>> = match value {
                Value::Array(values) => values.iter().map(text).collect(),
                value => text(value).map(|text| vec![text]),
            };
            match read {
                Some(read) => drop(texts.insert(name.clone(), read)),
                None => self.mistakes.push(format!(
                    "{place}: {name}: invalid value {value}; expected a text, a number, true or false, or a list of these (times in quotes)"
                )),
            }
        }
        texts
    }
}

/// A value as it would be typed.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The value that [`text`] reads as this text, as plain as possible. A plan is kept and passed on: it has no secrets
/// of addresses.
fn value(text: &str) -> Value {
    let text = &*masked(text);
    let whole = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    match (text, whole) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Some(number)) => Value::from(number),
        _ => Value::from(text),
    }
}

fn object(options: &OptionTexts) -> Map<String, Value> {
    let values = |texts: &Vec<String>| match texts.as_slice() {
        [single] => value(single),
        several => several.iter().map(|text| value(text)).collect(),
    };
    options.iter().map(|(name, texts)| (name.clone(), values(texts))).collect()
}

/// Writes a plan's text.
pub fn plan_text(spec: &PlanSpec, format: PlanFormat) -> String {
    let stages: Vec<Map<String, Value>> = spec
        .stages
        .iter()
        .map(|stage| {
            let name = (STAGE.to_owned(), Value::from(stage.name.as_str()));
            std::iter::once(name).chain(object(&stage.options)).collect()
        })
        .collect();
    let (run, pipeline) = (object(&spec.run), object(&spec.pipeline));
    let kind = spec.kind.command().name;
    match format {
        PlanFormat::Json => {
            let whole = serde_json::json!({
                "version": VERSION, "kind": kind, "run": run, "pipeline": pipeline, "stages": stages
            });
            format!("{whole:#}\n")
        }
        PlanFormat::Toml => {
            let mut text = format!("version = {VERSION}\nkind = \"{kind}\"\n");
            for (head, table) in [("[run]", &run), ("[pipeline]", &pipeline)] {
                if !table.is_empty() {
                    add_table(&mut text, head, table);
                }
            }
            for stage in &stages {
                add_table(&mut text, "[[stages]]", stage);
            }
            if stages.is_empty() {
                text.insert_str(0, "stages = []\n");
            }
            text
        }
    }
}

/// JSON's texts, numbers and lists are TOML's too, but for DEL; so are its keys, where they are not bare.
fn add_table(text: &mut String, head: &str, table: &Map<String, Value>) {
    let in_toml = |json: String| json.replace('\u{7f}', "\\u007f");
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let _ = writeln!(text, "\n{head}");
    for (name, value) in table {
        let key = match name.chars().all(is_bare) && !name.is_empty() {
            true => name.clone(),
            false => in_toml(Value::from(name.as_str()).to_string()),
        };
        let _ = writeln!(text, "{key} = {}", in_toml(value.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::stages;
    use proptest::prelude::*;

    fn options() -> impl Strategy<Value = OptionTexts> {
        let text = prop_oneof![".*", "-?[0-9]{1,20}", "true", "0\\.[0-9]+", "[\\x00-\\x7f]*"];
        proptest::collection::btree_map(
            "[a-z][a-z_-]{0,8}|.{0,4}".prop_filter("the stage's own", |name| {
                name != STAGE && !ABOUT_PLANS.contains(&name.as_str())
            }),
            proptest::collection::vec(text, 1..4),
            0..4,
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            kind in proptest::sample::select(PIPELINES.to_vec()),
            run in options(),
            pipeline in options(),
            stages in proptest::collection::vec(("[a-z-]{1,9}", options()), 0..4),
        ) {
            let stages = stages.into_iter().map(|(name, options)| StageSpec { name, options });
            let spec = PlanSpec { kind, run, pipeline, stages: stages.collect() };
            for format in [PlanFormat::Toml, PlanFormat::Json] {
                let text = plan_text(&spec, format);
                prop_assert_eq!(parse_plan(&text, format), Ok(spec.clone()), "{}", text);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([a-z]{1,8} ?= ?[\\[\\]0-9\"{},\n]{0,9}\n|\\[?\\[(run|stages)\\]\\]?\n|.{0,9}){0,8}") {
            let _ = parse_plan(&text, PlanFormat::Toml);
            let _ = parse_plan(&text, PlanFormat::Json);
        }
    }

    #[test]
    fn no_option_is_called_like_the_key_of_a_stages_name() {
        assert!(stages().flat_map(|stage| stage.options).all(|option| option.name != STAGE));
    }

    #[test]
    fn mistakes_are_told_together() {
        let text = "version = 2\nkind = \"nlp\"\nstagse = 1\n[run]\nsave_plan = \"x\"\nstart = 2024-01-01\n[[stages]]\na = 1";
        assert_eq!(
            parse_plan(text, PlanFormat::Toml).unwrap_err(),
            [
                "version: 2 is not known here; expected 1",
                "kind: \"nlp\" is not known here; expected pipeline-ae, pipeline-other",
                "there is no key \"stagse\"; did you mean stages",
                "run: start: invalid value {\"$__toml_private_datetime\":\"2024-01-01\"}; expected a text, a number, true or false, or a list of these (times in quotes)",
                "run: save_plan has no place in a plan",
                "stage 1 has no name: stage = \"from-cloudtrail\"",
            ]
        );
        let broken = parse_plan("version = 1\nstages = [", PlanFormat::Toml).unwrap_err();
        assert!(broken[0].starts_with("line 2: "), "{broken:?}");
    }
}
