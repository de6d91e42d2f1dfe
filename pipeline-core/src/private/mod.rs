//! What the attributes expand against. Not part of the public interface.

mod config;
mod probe;

pub use config::{Fallible, HookReturn, IntoShared, PerWorker, StageError, outcome};
pub use probe::{IsPlain, IsResult, PlainReturn, Probe, ProbeFallback, require_plain};

pub use crate::error::BoxError;
pub use crate::stage::forms::*;
pub use crate::stage::{Backoff, ByKey, In, OnError, Out, Policies, key_of};
