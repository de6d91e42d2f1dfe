//! Work for the CPU, of a length that is known.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Computes for about `time` when nothing disturbs it, and gives `value` back. It counts steps instead of reading a clock,
/// so two that share a core take twice as long.
pub(crate) fn compute(time: Duration, value: u64) -> u64 {
    spin((time.as_nanos() as f64 * steps_per_ns()) as u64);
    value
}

fn spin(steps: u64) {
    let mut state = 1u64;
    for _ in 0..steps {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Measured once: the fastest of several tries is the least disturbed one.
pub(crate) fn steps_per_ns() -> f64 {
    static STEPS: OnceLock<f64> = OnceLock::new();
    *STEPS.get_or_init(|| {
        const PROBE: u64 = 1_000_000;
        let tries = (0..20).map(|_| {
            let start = Instant::now();
            spin(PROBE);
            start.elapsed()
        });
        PROBE as f64 / tries.min().unwrap_or(Duration::from_nanos(PROBE)).as_nanos() as f64
    })
}
