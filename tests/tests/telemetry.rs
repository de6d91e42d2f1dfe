//! What a run tells through `tracing` and `metrics`: stages, numbers and times, and nothing of an item.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use taktline::prelude::*;
use taktline::sim::run;
use tests::{UNIT, everywhere};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

/// Keeps every span and event of the crate as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    spans: Vec<String>,
    entered: Vec<u64>,
    lines: Vec<String>,
}

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string takes all");
    }
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics").lines.clone()
    }

    fn spans(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics").spans.clone()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "taktline" || metadata.target() == "user"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut state = self.0.lock().expect("nobody panics");
        state.spans.push(format!("{}{}", span.metadata().name(), fields.0));
        Id::from_u64(state.spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut state = self.0.lock().expect("nobody panics");
        let span = event.parent().map(Id::into_u64).or_else(|| state.entered.last().copied());
        let span = span.map_or("", |id| &state.spans[id as usize - 1]);
        let line = format!("{} [{span}]{}", event.metadata().level(), fields.0);
        state.lines.push(line);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().expect("nobody panics").entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let left = self.0.lock().expect("nobody panics").entered.pop();
        assert_eq!(left, Some(span.into_u64()));
    }
}

/// Runs `program` on sim, and gives what it has told.
fn told<F: Future>(program: F) -> Lines {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || run(1, program));
    lines
}

#[stage]
async fn check(word: String) -> Result<String, String> {
    taktline::sleep(UNIT).await;
    tracing::info!(target: "user", "checks");
    if word.ends_with("bad") { Err(format!("{word} is no good")) } else { Ok(word) }
}

fn words(words: &[&'static str]) -> impl Flow<Item = String, Lineage = ()> + use<> {
    iter(words.to_vec()).map(|word| format!("secret {word}"))
}

#[test]
fn each_stage_is_a_span_in_which_its_bodies_run() {
    let lines = told(words(&["good"]).then(check().name("check")).then(check().concurrency(2)).count().run());
    let mut spans = lines.spans();
    spans.sort();
    let expected = ["check#2 kind=stage", "check kind=stage", "count kind=sink", "iter kind=source", "map kind=fused"];
    let mut expected = expected.map(|one| {
        let (name, kind) = one.split_once(' ').expect("two words");
        format!("stage stage={name:?} {kind}")
    });
    expected.sort();
    assert_eq!(spans, expected);
    let of_stage = |name: &str| format!("INFO [stage stage={name:?} kind=stage] message=checks");
    assert_eq!(lines.all(), [of_stage("check#2"), of_stage("check")]);
}

#[test]
fn retries_items_that_are_given_up_and_failures_are_events() {
    let skips = check().retry(1).backoff(UNIT * 2).on_error(OnError::Skip);
    let lines = told(words(&["bad"]).then(skips.name("skips")).count().run());
    let events: Vec<_> = lines.all().into_iter().filter(|line| !line.starts_with("INFO")).collect();
    let span = "[stage stage=\"skips\" kind=stage]";
    assert_eq!(
        events,
        [
            format!("WARN {span} message=tries again failed_attempts=1 pause=2s"),
            format!("WARN {span} message=gives an item up attempts=2 fate=Skipped"),
        ]
    );
    let lines = told(words(&["good", "bad"]).then(check()).count().run());
    let failure = "ERROR [stage stage=\"check\" kind=stage] message=fails the run stage=\"check\" item=1 attempts=1";
    assert_eq!(lines.all().last().map(String::as_str), Some(failure));
}

#[test]
fn drops_are_events() {
    let slow = check().name("slow");
    let lines = told(
        words(&["a", "b", "c", "d", "e"]).buffer(1).on_full(taktline::OnFull::DropNewest).then(slow).count().run(),
    );
    let drops: Vec<_> = lines.all().into_iter().filter(|line| line.starts_with("DEBUG")).collect();
    assert!(!drops.is_empty(), "{:?}", lines.all());
    assert!(drops.iter().all(|line| line.starts_with("DEBUG [stage stage=\"buffer\"") && line.contains("drops items")));
}

#[test]
fn nothing_of_an_item_is_told() {
    let pool = check().concurrency(2).retry(1).on_error(OnError::Skip);
    let lines = told(words(&["a", "bad", "b"]).then(pool).then(check()).then(check().name("last")).count().run());
    let failing = told(words(&["a", "bad", "b"]).then(check()).count().run());
    let all = [lines.all(), lines.spans(), failing.all(), failing.spans()].concat();
    assert!(all.len() > 10);
    assert!(!all.iter().any(|line| line.contains("secret") || line.contains("no good")), "{all:?}");
}

/// Keeps the last value of each metric, under its name and labels.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Kept {
    fn slot(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        let name = format!("{}{}", key.name(), labels.collect::<String>());
        self.0.lock().expect("nobody panics").entry(name).or_default().clone()
    }

    fn raw(&self, name: &str, stage: &str) -> Option<u64> {
        let name = format!("{name} pipeline=job stage={stage}");
        self.0.lock().expect("nobody panics").get(&name).map(|value| value.load(Ordering::Relaxed))
    }

    fn level(&self, name: &str, stage: &str) -> Option<f64> {
        self.raw(name, stage).map(f64::from_bits)
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.slot(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.slot(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_snapshot_is_recorded_as_counters_and_gauges() {
    let snapshot = run(1, async {
        let skips = check().retry(1).backoff(UNIT).on_error(OnError::Skip);
        let running = words(&["bad"; 90]).then(skips).count().start();
        taktline::sleep(UNIT * 31 + UNIT / 2).await;
        let first = running.snapshot().expect("it was started");
        taktline::sleep(UNIT * 3).await;
        running.snapshot().expect("it was started").since(&first)
    });
    let kept = Kept::default();
    metrics::with_local_recorder(&kept, || snapshot.record("job"));
    let total = |name: &str| kept.raw(name, "check");
    let row = &snapshot.stage("check").expect("it has a row").counts;
    assert!(row.failed > 10 && row.skipped == row.failed && row.retried > 0, "{snapshot}");
    assert_eq!(total("taktline_items_in_total"), Some(row.items_in));
    assert_eq!(
        (total("taktline_items_failed_total"), total("taktline_items_skipped_total")),
        (Some(row.failed), Some(row.failed))
    );
    assert_eq!(total("taktline_retries_total"), Some(row.retried));
    let level = |name: &str| kept.level(name, "check");
    assert_eq!((level("taktline_places"), level("taktline_in_work")), (Some(16.0), Some(1.0)));
    assert_eq!(level("taktline_waiting"), Some(row.waiting as f64));
    let (working, retrying) = (level("taktline_working_seconds"), level("taktline_retrying_seconds"));
    assert_eq!((working.zip(retrying).map(|(a, b)| a + b), level("taktline_ready_seconds")), (Some(3.0), Some(0.0)));
    assert!(level("taktline_service_seconds").is_none(), "it has one more label");
    let names = kept.0.lock().expect("nobody panics").keys().cloned().collect::<Vec<_>>();
    assert!(names.iter().any(|name| name == "taktline_service_seconds pipeline=job stage=check quantile=0.99"));
    assert!(!names.iter().any(|name| name.contains("secret")), "{names:?}");
    assert_eq!(
        (kept.raw("taktline_items_in_total", "iter"), kept.raw("taktline_items_out_total", "iter").is_some()),
        (None, true)
    );
}

#[test]
fn runs_go_well_with_the_features_on_every_runtime() {
    everywhere(|rt| async move {
        let running = iter(0..200u64).then(|x| async move { x }).count().start_on(&rt);
        running.snapshot().expect("it was started").record("nobody listens");
        let done = rt.timeout(Duration::from_secs(30), running.join()).await.expect("it is over");
        assert_eq!(done.expect("nothing fails").value, 200);
    });
}
