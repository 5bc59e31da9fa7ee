//! The options of `timeseries`.

use super::OptionTexts;
use super::check::Checker;
use super::settings::{SourceSettings, StageSettings};
use super::values::Values;
use dfp_model::periodic::{BinMapping, SECONDS_OF_HOUR, largest_z};
use std::time::Duration;

/// More bins on each side are a slip of a unit.
const MOST_BINS: i64 = 1_000_000;

/// History is not prolonged for thresholds above this one.
const MOST_ZSCORE: f64 = 50.0;

/// `timeseries`
#[derive(Clone, Debug)]
pub struct TimeSeries {
    /// Length of a bin, seconds.
    pub resolution: i64,
    /// Bins before and after what is tested (`--min_window`).
    pub half: i64,
    /// Bins that are tested together, where windows go by time.
    pub tile: i64,
    /// Bins of history before them that are looked at, once there are as many: at least `half`, and enough
    /// for the threshold to be reached well.
    pub past: i64,
    /// Test from a user's first event on.
    pub hot_start: bool,
    /// Leave the end of the input untested.
    pub cold_end: bool,
    /// How much later than newer ones rows may come, seconds.
    pub lateness: i64,
    /// The test.
    pub method: Method,
}

/// How it is found out that a bin is unusual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// By what the strong waves of a window do not explain.
    Spectral {
        /// Waves below this percentile of power are removed.
        filter_percent: f64,
        /// z from which on a bin is flagged.
        zscore_threshold: f64,
        /// Which count is of which bin.
        mapping: BinMapping,
        /// A message's rows are tested together, as the reference does.
        by_message: bool,
    },
    /// By how probable so many events are in an hour of the week.
    HourOfWeek {
        /// p-value up to which an hour is flagged.
        p_value: f64,
    },
}

impl TimeSeries {
    /// Bins and method, small enough to test a bin on its own.
    pub fn new(resolution: i64, half: i64, method: Method) -> Self {
        let tile = match method {
            Method::Spectral { .. } => (half + 3) / 4,
            Method::HourOfWeek { .. } => 1,
        };
        let past = match method {
            // One of n bins has at most z = sqrt(n - 1): twice as many as the threshold needs.
            Method::Spectral { zscore_threshold, .. } => {
                let bins = 2.0 * (zscore_threshold.min(MOST_ZSCORE).powi(2) + 1.0);
                half.max(bins.ceil() as i64 - half - tile)
            }
            Method::HourOfWeek { .. } => half,
        };
        let (hot_start, cold_end, lateness) = (false, false, 0);
        Self { resolution, half, tile, past, hot_start, cold_end, lateness, method }
    }

    /// Bins after a tile that must be over before the tile is decided.
    fn after(&self) -> i64 {
        match self.method {
            Method::Spectral { .. } => self.half,
            Method::HourOfWeek { .. } => 0,
        }
    }

    /// The first tile that cannot be decided when all events before this second are known.
    pub(crate) fn frontier(&self, second: i64) -> i64 {
        (second.div_euclid(self.resolution) - self.after()).div_euclid(self.tile)
    }

    /// What a user's history depends on.
    pub(crate) fn key(&self) -> String {
        let Self { resolution, half, past, .. } = self;
        match self.method {
            Method::Spectral { .. } => format!("{past} and {half} bins of {resolution} s"),
            Method::HourOfWeek { .. } => "hour of week".to_owned(),
        }
    }

    fn is_by_message(&self) -> bool {
        matches!(self.method, Method::Spectral { by_message: true, .. })
    }
}

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
                "is less than a second; accepted: 1s and more",
            );
        }
        let half = (seconds("min_window") / resolution.max(1) as f64).ceil() as i64;
        if half < 1 {
            self.refuse_value(
                values,
                typed,
                "min_window",
                "is no time at all; accepted: a bin of --resolution and more",
            );
        }
        if half > MOST_BINS {
            let why = format!(
                "is more than {MOST_BINS} bins of --resolution; accepted: a shorter window or longer bins"
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
                "is above 100; accepted: a percentile from 0 to 100",
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
            self.mistakes.push("timeseries stands twice; a pipeline has one".to_owned());
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
