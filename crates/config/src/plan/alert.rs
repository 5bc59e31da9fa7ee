//! The options of `alert` and of `morpheus alerts`.

use super::check::Checker;
use super::values::Values;
use super::{OptionTexts, StageSpec};
use dfp_alerts::{AlertSettings, Policy, Rules};
use dfp_model::config::Scorer;
use dfp_pipeline::plan::StageSettings;
use std::sync::Arc;

/// Without a wish, the p-value of an alert.
const USUAL: f64 = 0.01;
/// Ways to choose alerts.
const WAYS: [&str; 3] = ["p_value", "alerts_per_day", "fdr"];

impl Checker {
    pub(super) fn alert(&mut self, values: &Values, typed: &OptionTexts) -> AlertSettings {
        let place = values.place;
        let ways: Vec<&str> = WAYS.into_iter().filter(|way| typed.contains_key(*way)).collect();
        if ways.len() > 1 {
            self.mistakes.push(format!(
                "{place}: --{} exclude one another; leave all but one out",
                ways.join(" and --")
            ));
        }
        let each_user = values.text("budget_of") == Some("each");
        if typed.contains_key("budget_of") && values.count("alerts_per_day").is_none() {
            self.mistakes.push(format!(
                "{place}: --budget_of is about --alerts_per_day; give one, or leave it out"
            ));
        }
        for way in ["p_value", "fdr"] {
            if values.number(way) == Some(0.0) {
                self.mistakes.push(format!(
                    "{place}: --{way}: \"0\" would never raise an alert; expected a number in (0, 1]"
                ));
            }
        }
        let policy = match (values.count("alerts_per_day"), values.number("fdr")) {
            (Some(per_day), _) => Policy::Budget { per_day, each_user },
            (None, Some(share)) => Policy::FalseShare(share),
            (None, None) => Policy::PValue(values.number("p_value").unwrap_or(USUAL)),
        };
        let suppress = match values.path("suppress").map(|file| Rules::read(&file)) {
            Some(Ok(rules)) => rules,
            Some(Err(why)) => {
                let told = why.into_iter().map(|why| format!("{place}: --suppress: {why}"));
                self.mistakes.extend(told);
                Rules::default()
            }
            None => Rules::default(),
        };
        AlertSettings { policy, suppress: Arc::new(suppress), only: values.bool("only") }
    }

    /// A pipeline decides once, and by numbers that it has.
    pub(super) fn alerts(&mut self, spec: &[StageSpec], stages: &[StageSettings]) {
        let all = || {
            stages.iter().filter_map(|stage| match stage {
                StageSettings::Alert(settings) => Some(settings),
                _ => None,
            })
        };
        if all().count() > 1 {
            self.mistakes.push("alert is given twice; a pipeline has one".to_owned());
        }
        let recommended = stages.iter().any(
            |stage| matches!(stage, StageSettings::Inference(i) if i.scorer == Scorer::Recommended),
        );
        if !recommended && all().any(AlertSettings::needs_p_values) {
            let typed = spec.iter().filter(|stage| stage.name == "alert");
            let way = typed
                .flat_map(|stage| stage.options.keys())
                .find(|name| WAYS.contains(&name.as_str()));
            self.mistakes.push(format!(
                "alert: {} needs p-values, which the peer's scorer does not give; add --scorer recommended to inf-ae, or choose the highest z-scores by --alerts_per_day",
                way.map_or("it".to_owned(), |name| format!("--{name}"))
            ));
        }
    }
}
