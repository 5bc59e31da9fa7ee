//! The options of `timeseries`.

use super::OptionTexts;
use super::check::Checker;
use super::values::Values;
use dfp_model::periodic::{BinMapping, SECONDS_OF_HOUR, largest_z};
use dfp_pipeline::plan::{Method, SourceSettings, StageSettings, TimeSeries};
use std::time::Duration;

/// More bins on each side are a slip of a unit.
const MOST_BINS: i64 = 1_000_000;

impl Checker {
    pub(super) fn time_series(
        &mut self,
        values: &Values,
        typed: &OptionTexts,
    ) -> Option<TimeSeries> {
        let before = self.mistakes.len();
        let method = self.method(values, typed);
        let seconds = |name| values.duration(name).unwrap_or_default().as_secs_f64();
        let resolution = match method {
            Method::Spectral { .. } => whole_seconds(values.duration("resolution")),
            Method::HourOfWeek { .. } => SECONDS_OF_HOUR,
        };
        if resolution < 1 {
            self.refuse_value(
                values,
                typed,
                "resolution",
                "is less than a second; expected 1s and more",
            );
        }
        let half = (seconds("min_window") / resolution.max(1) as f64).ceil() as i64;
        if half < 1 {
            self.refuse_value(
                values,
                typed,
                "min_window",
                "is no time at all; expected a bin of --resolution and more",
            );
        }
        if half > MOST_BINS {
            let why = format!(
                "is more than {MOST_BINS} bins of --resolution; expected a shorter window or longer bins"
            );
            self.refuse_value(values, typed, "min_window", &why);
        }
        let mut settings = TimeSeries::new(resolution.max(1), half.max(1), method);
        settings.hot_start = values.bool("hot_start");
        settings.cold_end = values.bool("cold_end");
        settings.lateness = seconds("lateness").ceil() as i64;
        self.unreachable_threshold(&settings);
        (self.mistakes.len() == before).then_some(settings)
    }

    fn method(&mut self, values: &Values, typed: &OptionTexts) -> Method {
        let mut without_effect = |names: &[&str], why: &str| {
            for name in names.iter().filter(|name| typed.contains_key(**name)) {
                self.notes.push(format!("--{name} of timeseries has no effect: {why}"));
            }
        };
        if values.text("seasonality") == Some("hour-of-week") {
            let names =
                ["resolution", "filter_percent", "zscore_threshold", "window_by", "peer_bins"];
            without_effect(
                &names,
                "--seasonality=hour-of-week counts by the hour and asks for --pvalue_threshold",
            );
            return Method::HourOfWeek {
                p_value: values.number("pvalue_threshold").unwrap_or_default(),
            };
        }
        without_effect(&["pvalue_threshold"], "it belongs to --seasonality=hour-of-week");
        let filter_percent = values.number("filter_percent").unwrap_or_default();
        if filter_percent > 100.0 {
            self.refuse_value(
                values,
                typed,
                "filter_percent",
                "is above 100; expected a percentile from 0 to 100",
            );
        }
        let peer_bins = values.bool("peer_bins");
        let by_message = match values.text("window_by") {
            Some(word) => word == "message",
            None => peer_bins,
        };
        Method::Spectral {
            filter_percent,
            zscore_threshold: values.number("zscore_threshold").unwrap_or_default(),
            mapping: if peer_bins { BinMapping::Peer } else { BinMapping::Evident },
            by_message,
        }
    }

    fn refuse_value(&mut self, values: &Values, typed: &OptionTexts, name: &str, why: &str) {
        let text = typed.get(name).and_then(|texts| texts.last());
        let text = text.map_or_else(|| "its default".to_owned(), |text| format!("{text:?}"));
        self.mistakes.push(format!("{}: --{name}: {text} {why}", values.place));
    }

    fn unreachable_threshold(&mut self, settings: &TimeSeries) {
        let Method::Spectral { zscore_threshold, by_message: false, .. } = settings.method else {
            return;
        };
        let bins = settings.past + settings.tile + settings.half;
        let largest = largest_z(usize::try_from(bins).unwrap_or_default());
        if largest < zscore_threshold {
            self.notes.push(format!(
                "timeseries flags nothing: one of {bins} bins has at most z = {largest:.2}, and --zscore_threshold is {zscore_threshold}; a longer --min_window, a finer --resolution or a lower threshold would"
            ));
        }
    }

    /// What concerns `timeseries` and the rest of the pipeline.
    pub(super) fn rhythm(&mut self, stages: &[StageSettings], source: Option<&SourceSettings>) {
        let mut all = stages.iter().filter_map(|stage| match stage {
            StageSettings::TimeSeries(settings) => Some(settings),
            _ => None,
        });
        let Some(settings) = all.next() else { return };
        if all.next().is_some() {
            self.mistakes.push("timeseries is given twice; a pipeline has one".to_owned());
        }
        if settings.is_by_message() && source.is_some_and(SourceSettings::is_live) {
            self.mistakes.push(
                "timeseries: windows by message (--window_by=message, --peer_bins) hold a user's rows until that user is active again, so they cannot be used with --watch_directory or --state_dir; --window_by=time can".to_owned(),
            );
        }
    }
}

/// Rounded as the reference does, halves to the even second.
fn whole_seconds(duration: Option<Duration>) -> i64 {
    duration.unwrap_or_default().as_secs_f64().round_ties_even() as i64
}
