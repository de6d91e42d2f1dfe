//! The forms of the attributes: what `#[stage]`, `#[source]` and `#[sink]` make of a function.
//!
//! The signature says what the stage does. Each form is a trait that the generated type implements, and a value with the
//! settings that make sense for it.

mod bodies;
mod generator;
mod plain;
mod signature;
mod stream;
mod sunk;

pub use bodies::*;
pub use generator::Generator;
pub use plain::*;
pub use signature::*;
pub use stream::*;
pub use sunk::*;
