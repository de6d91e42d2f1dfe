//! Markdown.

use crate::harness::{Measured, Role};
use crate::stats::{Short, Spread};

/// What the last column compares.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Compare {
    /// The first contender of ours over each of the others: less than 1 is faster.
    Ours,
    /// This contender over each: a speed-up.
    SpeedUpOver(&'static str),
}

/// Prints a table, a line for each contender.
pub(crate) fn print(measured: &Measured, compare: Compare) {
    let base = match compare {
        Compare::Ours => measured.series.iter().find(|series| series.role == Role::Ours).map(|series| series.name),
        Compare::SpeedUpOver(name) => Some(name),
    };
    let head = match (compare, base) {
        (Compare::Ours, Some(base)) => format!("{base} / it"),
        (Compare::SpeedUpOver(_), Some(_)) => "speed-up".to_owned(),
        (_, None) => "ratio".to_owned(),
    };
    println!("\n{}, {} items:\n", measured.title, measured.items);
    let mut heads = vec!["contender".to_owned()];
    for column in &measured.columns {
        heads.extend([(*column).to_owned(), "quartiles".to_owned(), head.clone()]);
    }
    heads.push("allocations/item".to_owned());
    println!("| {} |", heads.join(" | "));
    println!("|{}|", vec!["---"; heads.len()].join("|"));
    for series in &measured.series {
        let mut cells = vec![series.name.to_owned()];
        for column in 0..measured.columns.len() {
            let value = Spread::of(series.rounds.iter().map(|values| values[column]));
            let ratio =
                base.filter(|base| *base != series.name).and_then(|base| measured.ratio(base, series.name, column));
            cells.push(value.map_or_else(String::new, |value| Short(value.median).to_string()));
            cells.push(value.map_or_else(String::new, |value| value.quartiles()));
            cells.push(ratio.map_or_else(String::new, |ratio| ratio.to_string()));
        }
        cells.push(Short(series.allocations).to_string());
        println!("| {} |", cells.join(" | "));
    }
}
