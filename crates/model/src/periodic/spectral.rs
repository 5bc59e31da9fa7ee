//! The spectral test: keep the strong waves of a signal, and see which entries they do not explain.

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, FftError, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// What is so near is equal: rounding alone would decide otherwise, and differently on each machine.
const NEAR: f64 = 1e-9;

/// The largest z that one of `n` entries can have, sqrt(n - 1): a higher threshold finds nothing.
pub fn largest_z(n: usize) -> f64 {
    (n.saturating_sub(1) as f64).sqrt()
}

/// The test, with what it needs for signals of the length it saw last.
pub struct SpectralTest {
    filter_percent: f64,
    zscore_threshold: f64,
    planner: RealFftPlanner<f64>,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    scaled: Vec<f64>,
    waves: Vec<Complex<f64>>,
    sorted: Vec<f64>,
    found: Spectrum,
}

/// What the test found out about a signal of n entries.
#[derive(Clone, Debug, Default)]
pub struct Spectrum {
    /// Power of wave k of the standardised signal, `[n / 2 + 1]`.
    pub periodogram: Vec<f64>,
    /// Waves of less power than this were removed.
    pub threshold: f64,
    /// What the waves that were kept add up to, `[n]`; the mean is normally no part of it.
    pub reconstruction: Vec<f64>,
    /// |error - mean error| / standard deviation of the errors, `[n]`; empty if all errors are equal.
    pub z: Vec<f64>,
    /// Entries whose z reaches the threshold, `[n]`.
    pub anomalous: Vec<bool>,
    /// Mean of the signal, if the waves that were kept do not hold it, else 0: with it the
    /// reconstruction is what was to be expected.
    pub level: f64,
}

impl SpectralTest {
    /// A test that removes waves below the `filter_percent`-th percentile of power (0 to 100), and
    /// finds entries of z >= `zscore_threshold`.
    pub fn new(filter_percent: f64, zscore_threshold: f64) -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(1), planner.plan_fft_inverse(1));
        Self {
            filter_percent,
            zscore_threshold,
            planner,
            forward,
            inverse,
            scaled: Vec::new(),
            waves: Vec::new(),
            sorted: Vec::new(),
            found: Spectrum::default(),
        }
    }

    /// Tests a signal of at least one entry.
    ///
    /// # Errors
    /// None for the lengths that are handed over here; the transform checks them once more.
    pub fn run(&mut self, signal: &[f64]) -> Result<&Spectrum, FftError> {
        let n = signal.len();
        if self.forward.len() != n {
            self.forward = self.planner.plan_fft_forward(n);
            self.inverse = self.planner.plan_fft_inverse(n);
        }
        self.power(signal)?;
        self.scaled.copy_from_slice(signal);
        self.forward.process(&mut self.scaled, &mut self.waves)?;
        self.remove_weak_waves();
        self.found.level = match self.waves[0].re == 0.0 {
            true => mean(signal),
            false => 0.0,
        };
        self.found.reconstruction.resize(n, 0.0);
        self.inverse.process(&mut self.waves, &mut self.found.reconstruction)?;
        self.found.reconstruction.iter_mut().for_each(|value| *value /= n as f64);
        self.judge(signal);
        Ok(&self.found)
    }

    /// The periodogram of the standardised signal.
    fn power(&mut self, signal: &[f64]) -> Result<(), FftError> {
        let n = signal.len();
        let (mean, deviation) = moments(signal);
        let scale = if deviation == 0.0 { 1.0 } else { deviation };
        self.scaled.clear();
        self.scaled.extend(signal.iter().map(|value| (value - mean) / scale));
        self.waves.resize(n / 2 + 1, Complex::default());
        self.forward.process(&mut self.scaled, &mut self.waves)?;
        self.found.periodogram.clear();
        self.found.periodogram.extend(self.waves.iter().map(|wave| wave.norm_sqr() / n as f64));
        Ok(())
    }

    /// Several waves as strong as the threshold are removed, a single one is kept: which of them are
    /// above it would be a matter of rounding.
    fn remove_weak_waves(&mut self) {
        let Self { sorted, found, waves, filter_percent, .. } = self;
        found.threshold = percentile(&found.periodogram, *filter_percent, sorted);
        let largest = found.periodogram.iter().copied().fold(0.0, f64::max);
        let is_tied = |power: f64| (power - found.threshold).abs() <= NEAR * largest;
        let ties = found.periodogram.iter().filter(|power| is_tied(**power)).count();
        for (wave, &power) in waves.iter_mut().zip(&found.periodogram) {
            let is_weak = if is_tied(power) { ties > 1 } else { power < found.threshold };
            if is_weak {
                *wave = Complex::default();
            }
        }
    }

    fn judge(&mut self, signal: &[f64]) {
        let Self { found, scaled: errors, zscore_threshold, .. } = self;
        errors.clear();
        errors.extend(signal.iter().zip(&found.reconstruction).map(|(x, y)| (y - x).abs()));
        let (mean, deviation) = moments(errors);
        let size = signal.iter().map(|x| x.abs()).fold(1.0, f64::max);
        found.z.clear();
        found.anomalous.clear();
        if deviation < NEAR * size {
            found.anomalous.resize(signal.len(), false);
            return;
        }
        found.z.extend(errors.iter().map(|error| (error - mean).abs() / deviation));
        found.anomalous.extend(found.z.iter().map(|z| z >= zscore_threshold));
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Mean and population standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / values.len().max(1) as f64).sqrt())
}

/// The percentile (0 to 100) by linear interpolation.
fn percentile(values: &[f64], percent: f64, room: &mut Vec<f64>) -> f64 {
    room.clear();
    room.extend_from_slice(values);
    let last = room.len().saturating_sub(1);
    let position = last as f64 * (percent / 100.0);
    let below = (position.floor() as usize).min(last);
    let (_, &mut low, above) = room.select_nth_unstable_by(below, f64::total_cmp);
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(high) => low + (high - low) * (position - below as f64),
        None => low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_upon_a_daily_wave_is_found() {
        let wave = |hour: usize| 10.0 + 8.0 * (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
        let mut signal: Vec<f64> = (0..24 * 7).map(wave).collect();
        signal[100] += 40.0;
        let mut test = SpectralTest::new(90.0, 8.0);
        let found = test.run(&signal).unwrap();
        let hits: Vec<usize> = (0..signal.len()).filter(|at| found.anomalous[*at]).collect();
        assert_eq!(hits, [100]);
        let expected = found.reconstruction[30] + found.level;
        assert!((expected - wave(30)).abs() < 8.0, "{expected}");
    }

    #[test]
    fn flat_and_short_signals_have_nothing_unusual() {
        let mut test = SpectralTest::new(90.0, 0.0);
        for signal in [&[3.0; 50][..], &[0.0; 7], &[1.0]] {
            let found = test.run(signal).unwrap();
            assert!(!found.anomalous.contains(&true) && found.z.is_empty());
        }
    }

    #[test]
    fn percentiles_are_interpolated() {
        let mut room = Vec::new();
        assert_eq!(percentile(&[4.0, 1.0, 3.0, 2.0], 50.0, &mut room), 2.5);
        assert_eq!(percentile(&[4.0, 1.0], 100.0, &mut room), 4.0);
        assert_eq!(percentile(&[4.0, 1.0], 0.0, &mut room), 1.0);
    }

    #[test]
    fn eight_needs_sixty_five_entries() {
        assert!(largest_z(64) < 8.0 && largest_z(65) >= 8.0);
    }
}
