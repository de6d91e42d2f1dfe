//! Operators that go by the clock, which is that of the runtime. Each has an edge and a task.

mod beat;
mod debounce;
mod delay;
mod sample;
mod throttle;
mod timeout_idle;

pub(crate) use beat::Beat;
pub use debounce::Debounce;
pub use delay::Delay;
pub use sample::Sample;
pub use throttle::{Rate, Throttle};
pub use timeout_idle::TimeoutIdle;
