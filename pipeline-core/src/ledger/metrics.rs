//! A snapshot as metrics, for whatever recorder the program has installed.

use metrics::{counter, gauge};

use super::{Kind, Snapshot, StageSnapshot};

impl Snapshot {
    /// Records the snapshot with the recorder of the program, under the names below, each with the labels `pipeline` and
    /// `stage`. Without a recorder it does nothing. It is called whenever somebody wants to see: before a scrape, or once in a
    /// while.
    ///
    /// | name | kind | what |
    /// | --- | --- | --- |
    /// | `taktline_items_in_total`, `taktline_items_out_total` | counter | items that came in, and moved on |
    /// | `taktline_items_failed_total`, `_skipped_total`, `_dead_lettered_total`, `_dropped_total`, `_abandoned_total` | counter | the books |
    /// | `taktline_retries_total` | counter | attempts after the first |
    /// | `taktline_waiting`, `taktline_places` | gauge | items in the edges before the stage, and their places |
    /// | `taktline_in_work`, `taktline_finished`, `taktline_workers` | gauge | in flight, now |
    /// | `taktline_working_seconds`, `taktline_retrying_seconds`, `taktline_waiting_for_input_seconds`, `taktline_ready_seconds`, `taktline_waiting_for_room_seconds` | gauge | the time of workers in the span |
    /// | `taktline_service_seconds`, `taktline_queue_seconds` | gauge, with the label `quantile` | p50 and p99, where something was measured |
    ///
    /// Counters are those since the start of the run, also for a snapshot that is [since](Snapshot::since) another one. A
    /// second run under the same `pipeline` begins anew at 0.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let running = iter(0..9u64).count().start();
    /// running.wait().await;
    /// running.snapshot().expect("it was started").record("numbers");
    /// # });
    /// ```
    pub fn record(&self, pipeline: &str) {
        self.stages().iter().for_each(|stage| record(stage, pipeline));
    }
}

fn record(stage: &StageSnapshot, pipeline: &str) {
    let row = &stage.counts;
    let labels = [("pipeline", pipeline.to_owned()), ("stage", row.name.clone())];
    let total = |name: &'static str, value| counter!(name, &labels).absolute(value);
    let level = |name: &'static str, value: f64| gauge!(name, &labels).set(value);
    if row.kind != Kind::Source {
        total("taktline_items_in_total", row.items_in);
    }
    total("taktline_items_out_total", row.items_out);
    total("taktline_items_failed_total", row.failed);
    total("taktline_items_skipped_total", row.skipped);
    total("taktline_items_dead_lettered_total", row.dead_lettered);
    total("taktline_items_dropped_total", row.dropped);
    total("taktline_items_abandoned_total", row.abandoned);
    total("taktline_retries_total", row.retried);
    level("taktline_waiting", row.waiting as f64);
    level("taktline_places", stage.places as f64);
    level("taktline_in_work", row.in_work as f64);
    level("taktline_finished", row.finished as f64);
    level("taktline_workers", row.workers as f64);
    level("taktline_working_seconds", stage.working.as_secs_f64());
    level("taktline_retrying_seconds", stage.retrying.as_secs_f64());
    level("taktline_waiting_for_input_seconds", stage.waiting_for_input.as_secs_f64());
    level("taktline_ready_seconds", stage.ready.as_secs_f64());
    level("taktline_waiting_for_room_seconds", stage.waiting_for_room.as_secs_f64());
    for (name, times) in [("taktline_service_seconds", &stage.service), ("taktline_queue_seconds", &stage.queue)] {
        for (quantile, time) in [("0.5", times.p50()), ("0.99", times.p99())] {
            if let Some(time) = time {
                let [pipeline, stage] = labels.clone();
                gauge!(name, &[pipeline, stage, ("quantile", quantile.to_owned())]).set(time.as_secs_f64());
            }
        }
    }
}
