//! How a model is explored: by loom, by shuttle, or on real threads.

use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// A small case that must hold on every schedule.
#[derive(Clone, Copy)]
pub(super) struct Model {
    pub(super) name: &'static str,
    /// Called once for each schedule.
    case: fn(),
    /// Too large for all of its schedules to be tried.
    is_large: bool,
}

impl Model {
    pub(super) const fn new(name: &'static str, case: fn()) -> Model {
        Model { name, case, is_large: false }
    }

    pub(super) const fn large(name: &'static str, case: fn()) -> Model {
        Model { name, case, is_large: true }
    }

    /// Whether it is explored here. loom leaves the large ones to shuttle.
    pub(super) fn is_for_here(&self) -> bool {
        !(self.is_large && cfg!(taktline_loom))
    }
}

/// The model at hand, and how many schedules of it were begun.
static CURRENT: Mutex<&str> = Mutex::new("");
static SCHEDULES: AtomicU64 = AtomicU64::new(0);

/// Makes the first violation end the process: what unwinds under a controlled schedule would go on in its destructors.
pub(super) fn end_at_a_violation() {
    panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        let current = CURRENT.lock().map_or("?", |name| *name);
        println!("model {current}: violated in schedule {}", SCHEDULES.load(Relaxed));
        std::process::exit(1);
    }));
}

/// Tries schedules of a model and says how many.
pub(super) fn explore(model: &Model) {
    let start = Instant::now();
    *CURRENT.lock().expect("nothing panics under it") = model.name;
    SCHEDULES.store(0, Relaxed);
    let mut names = Vec::new();
    for (name, run) in ways::ways() {
        run(model.case);
        names.push(name);
    }
    let (schedules, seconds) = (SCHEDULES.load(Relaxed), start.elapsed().as_secs_f64());
    println!("model {}: holds in {schedules} schedules ({}), {seconds:.1} s", model.name, names.join(", "));
}

fn counted(case: fn()) -> impl Fn() + Send + Sync + 'static {
    move || {
        SCHEDULES.fetch_add(1, Relaxed);
        case();
    }
}

type Way = (String, Box<dyn FnOnce(fn())>);

#[cfg(taktline_loom)]
mod ways {
    use std::time::{Duration, Instant};

    use super::{Way, counted};

    /// Switches away from a thread that could go on. Those from one that waits or ends are not limited.
    const PREEMPTIONS: usize = 2;

    /// A schedule with more steps than this is taken for one without an end.
    const STEPS_MAX: usize = 20_000;

    /// A model that takes longer has grown too large to be complete.
    const TIME_MAX: Duration = Duration::from_secs(600);

    pub(super) fn ways() -> Vec<Way> {
        let run = |case| {
            let start = Instant::now();
            let mut builder = loom::model::Builder::new();
            builder.preemption_bound = Some(PREEMPTIONS);
            builder.max_threads = loom::MAX_THREADS;
            builder.max_branches = STEPS_MAX;
            builder.checkpoint_interval = 1000;
            builder.max_duration = Some(TIME_MAX);
            builder.check(counted(case));
            assert!(start.elapsed() < TIME_MAX, "not all schedules were tried in {TIME_MAX:?}");
        };
        vec![(format!("all with {PREEMPTIONS} preemptions"), Box::new(run))]
    }
}

#[cfg(taktline_shuttle)]
mod ways {
    use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
    use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

    use super::{Way, counted};

    const RANDOM: usize = 3000;
    const PCT: usize = 1000;
    const PCT_DEPTHS: [usize; 3] = [2, 3, 5];
    const SEED: u64 = 1;

    /// A schedule with more steps than this is taken for one without an end.
    const STEPS_MAX: usize = 200_000;

    pub(super) fn ways() -> Vec<Way> {
        let random: Way =
            (format!("{RANDOM} at random"), Box::new(|case| run(RandomScheduler::new_from_seed(SEED, RANDOM), case)));
        let pct = PCT_DEPTHS.map(|depth| -> Way {
            let run = move |case| run(PctScheduler::new_from_seed(SEED, depth, PCT), case);
            (format!("{PCT} by PCT of depth {depth}"), Box::new(run))
        });
        [random].into_iter().chain(pct).collect()
    }

    fn run(scheduler: impl Scheduler + 'static, case: fn()) {
        let mut config = Config::new();
        // It warns that it takes relaxed atomics for sequentially consistent ones. loom does not.
        config.silence_warnings = true;
        config.failure_persistence = FailurePersistence::None;
        config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
        Runner::new(scheduler, config).run(counted(case));
    }
}

#[cfg(not(any(taktline_loom, taktline_shuttle)))]
mod ways {
    use super::{Way, counted};

    const TIMES: usize = if cfg!(miri) { 2 } else { 200 };

    pub(super) fn ways() -> Vec<Way> {
        let run = |case| {
            let case = counted(case);
            (0..TIMES).for_each(|_| case());
        };
        vec![("on threads".to_owned(), Box::new(run))]
    }
}
