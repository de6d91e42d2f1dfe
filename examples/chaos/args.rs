//! What the program was asked for.

use std::ops::Range;

pub(crate) struct Args {
    pub(crate) seeds: Range<u64>,
    /// The one seed that was asked for.
    pub(crate) told: Option<u64>,
}

const USAGE: &str = "usage: chaos [--seeds N] [--first N] [--seed N]";

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let (mut first, mut count, mut told) = (0, 1000, None);
        while let Some(word) = words.next() {
            let mut number = || {
                let number = words.next().and_then(|number| number.parse::<u64>().ok());
                number.ok_or_else(|| format!("{word} takes a number\n{USAGE}"))
            };
            match word.as_str() {
                "--seeds" => count = number()?,
                "--first" => first = number()?,
                "--seed" => {
                    let seed = number()?;
                    (first, count, told) = (seed, 1, Some(seed));
                }
                _ => return Err(format!("{word} is not known\n{USAGE}")),
            }
        }
        Ok(Args { seeds: first..first.saturating_add(count), told })
    }
}
