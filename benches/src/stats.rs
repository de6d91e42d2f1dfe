//! Medians with their quartiles.

use std::fmt;

/// The median of what several rounds gave, and its quartiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl Spread {
    /// None of nothing.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (median, lower, upper) = (quantile(&sorted, 0.5)?, quantile(&sorted, 0.25)?, quantile(&sorted, 0.75)?);
        Some(Spread { median, lower, upper })
    }

    pub(crate) fn quartiles(&self) -> String {
        format!("{} to {}", Short(self.lower), Short(self.upper))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Short(self.median), self.quartiles())
    }
}

/// The value below which the share `q` of `sorted` lies, between two neighbours if need be.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = q * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

/// A number with as many digits as are worth reading.
pub(crate) struct Short(pub(crate) f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            x if x < 0.005 => f.write_str("0.00"),
            x if x < 1.0 => write!(f, "{:.3}", self.0),
            x if x < 10.0 => write!(f, "{:.2}", self.0),
            x if x < 100.0 => write!(f, "{:.1}", self.0),
            _ => write!(f, "{:.0}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_and_the_quartiles_lie_between_neighbours() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).expect("there are values");
        assert_eq!((spread.lower, spread.median, spread.upper), (1.75, 2.5, 3.25));
    }

    #[test]
    fn one_value_is_all_three_and_no_value_is_none() {
        assert_eq!(Spread::of([7.0]).map(|spread| (spread.lower, spread.median, spread.upper)), Some((7.0, 7.0, 7.0)));
        assert!(Spread::of([]).is_none());
    }
}
