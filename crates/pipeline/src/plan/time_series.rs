//! How bursts and unusual hours are looked for.

use dfp_model::periodic::BinMapping;

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

    /// Whether a message's rows are tested together.
    pub fn is_by_message(&self) -> bool {
        matches!(self.method, Method::Spectral { by_message: true, .. })
    }
}
