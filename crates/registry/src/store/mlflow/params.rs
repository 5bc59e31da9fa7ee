//! What a run shows of what was said about a version.

use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt::Write;

/// Longest parameter and key, in characters. Servers take 6,000 and 250.
const LONGEST_VALUE: usize = 2000;
const LONGEST_KEY: usize = 200;
/// What a server takes at once.
const PARAMETERS: usize = 100;
const METRICS: usize = 800;
/// Numbers that nobody plots.
const NO_METRICS: [&str; 2] = ["seed", "version"];
/// The curve of the losses, an epoch a step.
const CURVE: (&str, &str) = ("losses", "loss");

/// Parameters and metrics of a run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) parameters: Vec<(String, String)>,
    /// Name, value and step.
    pub(super) metrics: Vec<(String, f64, usize)>,
}

impl Told {
    /// Reads a JSON object: numbers at the top are metrics, numbers in `losses` a curve; texts, and all
    /// that is deeper, are parameters, named `outer.inner`. What is no object says nothing.
    pub(super) fn new(about: &[u8]) -> Self {
        let mut told = Self::default();
        let Ok(Value::Object(about)) = serde_json::from_slice(about) else { return told };
        told.read("", &about);
        told.tidy();
        told
    }

    fn read(&mut self, outer: &str, object: &Map<String, Value>) {
        for (name, value) in object {
            let key = if outer.is_empty() { name.clone() } else { format!("{outer}.{name}") };
            let at_the_top = outer.is_empty();
            match value {
                Value::Null => {}
                Value::Object(inner) => self.read(&key, inner),
                Value::Array(values) if at_the_top && name == CURVE.0 => {
                    let curve = values.iter().filter_map(Value::as_f64).enumerate();
                    self.metrics.extend(curve.map(|(step, loss)| (CURVE.1.to_owned(), loss, step)));
                }
                Value::Number(number) if at_the_top && !NO_METRICS.contains(&name.as_str()) => {
                    self.metrics.extend(number.as_f64().map(|number| (key, number, 0)));
                }
                Value::String(text) => self.parameters.push((key, text.clone())),
                other => self.parameters.push((key, other.to_string())),
            }
        }
    }

    /// Keeps to what a server takes: all of it is in the artifact.
    fn tidy(&mut self) {
        // Some databases do not tell capitals from small letters.
        self.metrics.iter_mut().for_each(|(key, ..)| *key = plain(key));
        let mut seen = HashSet::new();
        self.metrics.retain(|(key, _, step)| seen.insert((key.to_lowercase(), *step)));
        for (key, value) in &mut self.parameters {
            (*key, *value) = (plain(key), cut(value, LONGEST_VALUE));
        }
        let mut seen = HashSet::new();
        self.parameters.retain(|(key, value)| !value.is_empty() && seen.insert(key.to_lowercase()));
    }

    /// Bodies of `runs/log-batch`: one, as long as the loss curve is no book.
    pub(super) fn batches(&self, run: &str, at: u64) -> Vec<Value> {
        let mut parameters = self.parameters.chunks(PARAMETERS);
        let mut metrics = self.metrics.chunks(METRICS);
        let mut batches = Vec::new();
        loop {
            let (parameters, metrics) = (parameters.next(), metrics.next());
            if parameters.is_none() && metrics.is_none() {
                return batches;
            }
            let parameter =
                |(key, value): &(String, String)| serde_json::json!({"key": key, "value": value});
            let metric = |(key, value, step): &(String, f64, usize)| serde_json::json!({"key": key, "value": value, "step": step, "timestamp": at});
            batches.push(serde_json::json!({
                "run_id": run,
                "params": parameters.unwrap_or_default().iter().map(parameter).collect::<Vec<_>>(),
                "metrics": metrics.unwrap_or_default().iter().map(metric).collect::<Vec<_>>(),
            }));
        }
    }

    /// The same for people, in Markdown.
    pub(super) fn summary(&self, user: &str) -> String {
        let cell =
            |text: &str| cut(text, LONGEST_VALUE).replace('|', "\\|").replace(['\n', '\r'], " ");
        let mut summary = format!("# Model of {}\n\n| | |\n| --- | --- |\n", cell(user));
        let curve: Vec<f64> = self.metrics.iter().filter(|m| m.0 == CURVE.1).map(|m| m.1).collect();
        // Writing to a text cannot fail.
        for (key, value, _) in self.metrics.iter().filter(|metric| metric.0 != CURVE.1) {
            let _ = writeln!(summary, "| {key} | {value} |");
        }
        if let (Some(first), Some(last)) = (curve.first(), curve.last()) {
            let _ =
                writeln!(summary, "| loss | {first} first, {last} after {} epochs |", curve.len());
        }
        for (key, value) in &self.parameters {
            let _ = writeln!(summary, "| {key} | {} |", cell(value));
        }
        summary
    }
}

/// A key of signs that servers take.
fn plain(key: &str) -> String {
    let sign = |c: char| if c.is_ascii_alphanumeric() || "_-. ".contains(c) { c } else { '_' };
    let plain: String = key.chars().map(sign).take(LONGEST_KEY).collect();
    // Names of folders on their way up are refused, and so are blanks.
    if plain.trim_matches(['.', ' ']).is_empty() { format!("_{plain}_") } else { plain }
}

/// The beginning of a text that is too long.
pub(super) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ABOUT: &str = r#"{"user":"ann","rows":120,"seed":18446744073709551615,"seconds":0.5,"window":["a","b"],
        "options":{"epochs":30,"size":{"deep":true}},"losses":[2.5,1.25],"none":null,"a/b":"x|y"}"#;

    #[test]
    fn numbers_are_metrics_and_words_are_parameters() {
        let told = Told::new(ABOUT.as_bytes());
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let parameters = [
            ("user", "ann"),
            ("seed", "18446744073709551615"),
            ("window", r#"["a","b"]"#),
            ("options.epochs", "30"),
            ("options.size.deep", "true"),
            ("a_b", "x|y"),
        ];
        assert_eq!(told.parameters, parameters.map(pair));
        let metrics = [("rows", 120., 0), ("seconds", 0.5, 0), ("loss", 2.5, 0), ("loss", 1.25, 1)];
        assert_eq!(told.metrics, metrics.map(|(key, value, step)| (key.to_owned(), value, step)));
        let batches = told.batches("r", 7);
        assert_eq!(batches.len(), 1);
        assert_eq!(
            batches[0]["metrics"][3],
            serde_json::json!({"key":"loss","value":1.25,"step":1,"timestamp":7})
        );
        let summary = told.summary("ann|\n");
        assert!(summary.starts_with("# Model of ann\\| \n"), "{summary}");
        assert!(summary.contains("| loss | 2.5 first, 1.25 after 2 epochs |"), "{summary}");
        assert!(summary.contains("| a_b | x\\|y |"), "{summary}");
    }

    #[test]
    fn what_is_no_object_says_nothing() {
        for about in ["", "7", "[1]", "{", "\"x\""] {
            assert_eq!(Told::new(about.as_bytes()), Told::default());
            assert!(Told::default().batches("r", 0).is_empty());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_a_server_takes_it(
            texts in prop::collection::vec((".{0,300}", ".{0,30}"), 0..150),
            losses in prop::collection::vec(-1e300..1e300_f64, 0..2000),
        ) {
            let mut about: Map<String, Value> = texts.into_iter().map(|(k, v)| (k, v.into())).collect();
            about.insert("losses".to_owned(), losses.clone().into());
            let told = Told::new(&serde_json::to_vec(&about).unwrap());
            let batches = told.batches("r", 0);
            let of = |batch: &Value, what: &str| batch[what].as_array().unwrap().clone();
            let mut keys = HashSet::new();
            for batch in &batches {
                prop_assert!(of(batch, "params").len() <= 100 && of(batch, "metrics").len() <= 900);
                prop_assert!(!of(batch, "params").is_empty() || !of(batch, "metrics").is_empty());
                for parameter in of(batch, "params") {
                    let key = parameter["key"].as_str().unwrap().to_owned();
                    prop_assert!(!key.contains('/') && !key.is_empty() && key.len() < 250);
                    prop_assert!(keys.insert(key));
                }
            }
            let steps: usize = batches.iter().map(|batch| of(batch, "metrics").len()).sum();
            prop_assert_eq!(steps, losses.len());
        }
    }
}
