//! The two tests, and what becomes of a row.

use crate::plan::{Method, TimeSeries};
use dfp_engine::BoxError;
use dfp_model::periodic::{BinMapping, HourOfWeek, SpectralTest, largest_z};
use std::collections::BTreeMap;

/// Numbers of events by bin.
pub(super) type Counts = BTreeMap<i64, u64>;

/// Longer windows are not tested: one row of 1970 would make a window of all the time since.
const MOST_BINS: i64 = 1 << 22;

/// What was found out about a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// Its bin was tested.
    Judged(Judged),
    /// Its bin was not: there was too little before or after it.
    Untested,
    /// It came after its bin had been tested.
    Late,
    /// It has no time, or one in the future.
    Timeless,
}

/// The messages that are decided, by their numbers, each with what became of its rows.
pub(super) type Decided = Vec<(u64, Vec<Fate>)>;

/// What was found out about a bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judged {
    pub(super) anomalous: bool,
    /// z, or -log10 of the p-value; `None` where all bins of the window are alike.
    pub(super) score: Option<f64>,
    /// Events that were to be expected.
    pub(super) expected: f64,
}

/// The tests of one stage, with their room to work in.
pub(super) struct Judge {
    pub(super) settings: TimeSeries,
    spectral: SpectralTest,
    signal: Vec<f64>,
    /// Windows tested, and those too short for any bin to reach the threshold.
    pub(super) windows: [usize; 2],
}

impl Judge {
    pub(super) fn new(settings: TimeSeries) -> Self {
        let spectral = match settings.method {
            Method::Spectral { filter_percent, zscore_threshold, .. } => {
                SpectralTest::new(filter_percent, zscore_threshold)
            }
            Method::HourOfWeek { .. } => SpectralTest::new(0.0, f64::INFINITY),
        };
        Self { settings, spectral, signal: Vec::new(), windows: [0; 2] }
    }

    /// The spectral test of the bins from `start` to `end`, both included: what it says about those
    /// from `of_interest.0` to `of_interest.1` that have events.
    pub(super) fn window(
        &mut self,
        counts: &Counts,
        (start, end): (i64, i64),
        of_interest: (i64, i64),
        found: &mut BTreeMap<i64, Judged>,
    ) -> Result<(), BoxError> {
        let Method::Spectral { zscore_threshold, mapping, .. } = self.settings.method else {
            return Ok(());
        };
        let length = end.saturating_sub(start).saturating_add(1);
        let Some(bins) = usize::try_from(length).ok().filter(|_| length <= MOST_BINS) else {
            return Ok(());
        };
        self.signal.clear();
        self.signal.resize(bins, 0.0);
        let at = |bin: i64| usize::try_from(bin - start).unwrap_or_default();
        for (bin, count) in counts.range(start..=end) {
            self.signal[at(*bin)] = *count as f64;
        }
        mapping.arrange(&mut self.signal);
        let spectrum = self.spectral.run(&self.signal)?;
        self.windows[0] += 1;
        self.windows[1] += usize::from(largest_z(bins) < zscore_threshold);
        for (bin, _) in counts.range(of_interest.0..=of_interest.1) {
            let entry = mapping.entry(at(*bin), bins);
            let judged = match entry {
                Some(entry) => Judged {
                    anomalous: spectrum.anomalous[entry],
                    score: spectrum.z.get(entry).copied(),
                    expected: spectrum.reconstruction[entry] + spectrum.level,
                },
                None => Judged { anomalous: false, score: None, expected: spectrum.level },
            };
            found.insert(*bin, judged);
        }
        Ok(())
    }

    /// What the hour of the week says about an hour's events, which it learns.
    pub(super) fn hour(&self, known: &mut HourOfWeek, hour: i64, count: u64) -> Option<Judged> {
        let Method::HourOfWeek { p_value } = self.settings.method else { return None };
        let verdict = known.observe(hour, count, p_value);
        Some(Judged {
            anomalous: verdict.ln_p <= p_value.ln(),
            score: Some(-verdict.ln_p / std::f64::consts::LN_10),
            expected: verdict.expected,
        })
    }
}

impl Method {
    /// The spectral test with evident bins and windows by time.
    pub fn spectral(filter_percent: f64, zscore_threshold: f64) -> Self {
        let mapping = BinMapping::Evident;
        Self::Spectral { filter_percent, zscore_threshold, mapping, by_message: false }
    }
}
