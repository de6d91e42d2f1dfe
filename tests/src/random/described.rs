//! What a plan says of itself before it runs is what its run reports.

use taktline::describe::Description;
use taktline::ledger::Report;

/// The rows are the same, in the same order. A merge to which flows are added while it runs reports those, too.
pub(super) fn check_described(description: &Description, report: &Report) {
    let text = description.to_string();
    if text.contains("flows are added while it runs") {
        return;
    }
    let told = text.lines().skip(1).filter(|line| !line.starts_with("  -> "));
    let told: Vec<_> = told.map(|line| line.split(':').next().unwrap_or(line)).collect();
    let rows: Vec<_> = report.stages().iter().map(|row| format!("{} ({})", row.name, row.kind)).collect();
    assert_eq!(told, rows, "{text}\n{report}");
}
