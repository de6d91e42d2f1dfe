//! How much memory the process has, and whether that grows.

use std::fmt;

/// The first part of the samples is left out: memory that is filled once is no growth.
const WARM_UP: f64 = 0.2;

/// Half the width of the interval that holds a normal value 95 times in 100, in standard errors.
const CONFIDENCE: f64 = 1.96;

/// The resident memory of the process, in KiB. None where there is no `/proc`.
pub(crate) fn resident_kib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A straight line through samples of memory.
#[derive(Debug)]
pub(crate) struct Slope {
    kib_per_minute: f64,
    /// The slope is so far off at most, 95 times in 100, if the samples are independent.
    margin: f64,
    samples: usize,
    last_kib: f64,
}

impl Slope {
    /// The least squares of samples of (minutes, KiB). None if there are too few.
    pub(crate) fn of(samples: &[(f64, f64)]) -> Option<Slope> {
        let skipped = (samples.len() as f64 * WARM_UP) as usize;
        let samples = &samples[skipped..];
        let n = samples.len() as f64;
        if n < 3.0 {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / n;
        let (mean_x, mean_y) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let (mut xx, mut xy) = (0.0, 0.0);
        for (x, y) in samples {
            xx += (x - mean_x) * (x - mean_x);
            xy += (x - mean_x) * (y - mean_y);
        }
        if xx == 0.0 {
            return None;
        }
        let slope = xy / xx;
        let off = |(x, y): &(f64, f64)| (y - mean_y - slope * (x - mean_x)).powi(2);
        let variance = samples.iter().map(off).sum::<f64>() / (n - 2.0);
        let margin = CONFIDENCE * (variance / xx).sqrt();
        let last_kib = samples.last()?.1;
        Some(Slope { kib_per_minute: slope, margin, samples: samples.len(), last_kib })
    }
}

impl fmt::Display for Slope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slope { kib_per_minute: slope, margin, samples, last_kib } = self;
        write!(f, "{last_kib:.0} KiB at the end, slope {slope:+.1} KiB a minute, ")?;
        write!(f, "95 % between {:+.1} and {:+.1} ({samples} samples)", slope - margin, slope + margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope(of: impl Fn(f64) -> f64) -> Slope {
        let samples: Vec<_> = (0..100).map(|at| (f64::from(at), of(f64::from(at)))).collect();
        Slope::of(&samples).expect("there are enough")
    }

    #[test]
    fn the_slope_of_a_line_is_exact_and_noise_widens_its_margin() {
        let line = slope(|x| 3.0 * x + 7.0);
        assert!((line.kib_per_minute - 3.0).abs() < 1e-9 && line.margin < 1e-6, "{line}");
        let noisy = slope(|x| 3.0 * x + if x as u64 % 2 == 0 { 40.0 } else { -40.0 });
        assert!((noisy.kib_per_minute - 3.0).abs() < noisy.margin && noisy.margin < 1.0, "{noisy}");
    }

    #[test]
    fn memory_that_is_filled_once_is_no_growth_and_few_samples_give_no_slope() {
        let filled = slope(|x| if x < 15.0 { 100.0 * x } else { 1500.0 });
        assert!(filled.kib_per_minute.abs() < 1e-9, "{filled}");
        assert!(Slope::of(&[(0.0, 1.0), (1.0, 2.0)]).is_none());
        assert!(Slope::of(&[(1.0, 1.0); 9]).is_none(), "no time has passed");
    }
}
