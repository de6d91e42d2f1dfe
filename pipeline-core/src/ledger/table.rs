//! Rows of text as an aligned table.

use std::fmt;
use std::time::Duration;

/// A head, and what is below it.
pub(super) type Column = (&'static str, Vec<String>);

/// Writes a line for the heads and one for each row. The first two columns are text, the others numbers.
pub(super) fn write(f: &mut fmt::Formatter<'_>, columns: Vec<Column>) -> fmt::Result {
    let rows = columns.first().map_or(0, |(_, cells)| cells.len());
    let columns: Vec<Vec<String>> = columns
        .into_iter()
        .enumerate()
        .map(|(at, (head, cells))| aligned(at < 2, std::iter::once(head.to_owned()).chain(cells).collect()))
        .collect();
    for line in 0..=rows {
        let cells: Vec<&str> = columns.iter().map(|column| column[line].as_str()).collect();
        writeln!(f, "{}", cells.join("  "))?;
    }
    Ok(())
}

/// Text to the left, numbers to the right.
fn aligned(is_text: bool, cells: Vec<String>) -> Vec<String> {
    let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
    let pad = |cell: String| if is_text { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
    cells.into_iter().map(pad).collect()
}

/// A time in the unit that fits.
pub(super) fn short(time: Duration) -> String {
    match time.as_nanos() {
        0 => "0".to_owned(),
        ns if ns < 1_000_000 => format!("{}us", ns / 1_000),
        ns if ns < 1_000_000_000 => format!("{:.1}ms", ns as f64 / 1e6),
        ns => format!("{:.2}s", ns as f64 / 1e9),
    }
}
