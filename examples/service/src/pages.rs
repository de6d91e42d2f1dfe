//! What the service says of itself: counts, times and names of stages, and nothing of what is in an item.

use std::fmt::Write;

use taktline::ledger::{Report, StageReport};

use crate::app::{App, Embedded};

/// A name, and how to read it in a row of a report.
type Value = (&'static str, fn(&StageReport) -> u64);

/// What is counted of each stage.
const COUNTS: [Value; 9] = [
    ("in", |row| row.items_in),
    ("out", |row| row.items_out),
    ("done", |row| row.done),
    ("filtered", |row| row.filtered),
    ("failed", |row| row.failed),
    ("skipped", |row| row.skipped),
    ("retried", |row| row.retried),
    ("dropped", |row| row.dropped),
    ("abandoned", |row| row.abandoned),
];

/// Where the items of each stage are now.
const PLACES: [Value; 3] =
    [("waiting", |row| row.waiting), ("in_work", |row| row.in_work), ("finished", |row| row.finished)];

/// For Prometheus, in its text format.
pub(crate) fn metrics(app: &App) -> String {
    let live = [(app.thumbnails_run.name, live(&app.thumbnails_run)), (app.jobs_run.name, live(&app.jobs_run))];
    let rows = || {
        let rows = live.iter().filter_map(|(name, report)| Some((name, report.as_ref()?)));
        rows.flat_map(|(name, report)| report.stages().iter().map(move |row| (name, row)))
    };
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[Value]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (pipeline, row) in rows() {
            for (what, value) in values {
                let stage = row.name.replace('\\', "\\\\").replace('"', "\\\"");
                let labels = format!("pipeline=\"{pipeline}\",stage=\"{stage}\",what=\"{what}\"");
                let _ = writeln!(text, "{name}{{{labels}}} {}", value(row));
            }
        }
    };
    family("taktline_stage_items_total", "counter", "Items of a stage, by what became of them.", &COUNTS);
    family("taktline_stage_items", "gauge", "Items of a stage, by where they are now.", &PLACES);
    let help = "# HELP service_callers_left_total Callers that went away.\n# TYPE service_callers_left_total counter";
    let _ = writeln!(text, "{help}\nservice_callers_left_total {}", app.callers_left());
    text
}

/// The pipelines, each as a graph with what it has done until now.
pub(crate) fn graphs(app: &App) -> String {
    [graph(&app.thumbnails_run), graph(&app.jobs_run)].join("\n\n")
}

fn graph<V: Send + 'static>(embedded: &Embedded<V>) -> String {
    let numbers = live(embedded).map_or_else(|| "it has not started".to_owned(), |report| report.to_string());
    format!("{}\n\n{}\n\n{numbers}", embedded.name, embedded.graph)
}

/// What a pipeline has done until now.
fn live<V: Send + 'static>(embedded: &Embedded<V>) -> Option<Report> {
    embedded.running.report()
}
