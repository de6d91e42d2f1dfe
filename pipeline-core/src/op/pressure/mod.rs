//! What happens when there is no room: a policy in place of waiting, and a bound on all that is in flight.

mod conflate;
mod max_in_flight;
mod on_full;

pub use conflate::Conflate;
pub use max_in_flight::MaxInFlight;
pub use on_full::{BufferOnFull, Latest, OnFull};
