//! Models of core's edge, pool and tasks: every schedule of a small case, or many of a larger one.
//!
//! This crate is made of the shipped files of core. Their locks, atomics and thread locals come from `sync.rs`, which takes
//! loom's under `--cfg taktline_loom`, shuttle's under `--cfg taktline_shuttle`, and else std's.
//!
//! ```text
//! export MODELS=tests/models/Cargo.toml
//! RUSTFLAGS="--cfg taktline_loom" cargo run --release --manifest-path $MODELS --target-dir target/loom
//! RUSTFLAGS="--cfg taktline_shuttle" cargo run --release --manifest-path $MODELS --target-dir target/shuttle
//! cargo run --release --manifest-path $MODELS
//! ```
//!
//! loom tries all schedules with at most two preemptions, and all values that a relaxed load may see. shuttle draws random
//! ones, and those of PCT at several depths. std runs each model many times on real threads: a smoke test, and something
//! for sanitizers. Names behind `--` choose models, `--list` prints them.
//!
//! `Arc`, `Weak` and `OnceLock` are std's everywhere: no model looks at the orderings inside of them.

#[path = "../../../pipeline-core/src/describe/mod.rs"]
pub mod describe;
#[path = "../../../pipeline-core/src/edge/mod.rs"]
mod edge;
#[path = "../../../pipeline-core/src/error/mod.rs"]
pub mod error;
#[path = "../../../pipeline-core/src/flow/mod.rs"]
pub mod flow;
#[path = "../../../pipeline-core/src/inlet/mod.rs"]
pub mod inlet;
#[path = "../../../pipeline-core/src/ledger/mod.rs"]
pub mod ledger;
#[path = "../../../pipeline-core/src/lineage/mod.rs"]
pub mod lineage;
#[path = "../../../pipeline-core/src/op/mod.rs"]
pub mod op;
#[path = "../../../pipeline-core/src/plan.rs"]
mod plan;
#[doc(hidden)]
#[path = "../../../pipeline-core/src/private/mod.rs"]
pub mod private;
#[path = "../../../pipeline-core/src/push.rs"]
mod push;
#[path = "../../../pipeline-core/src/run/mod.rs"]
pub mod run;
#[path = "../../../pipeline-core/src/runtime/mod.rs"]
pub mod runtime;
#[path = "../../../pipeline-core/src/sink/mod.rs"]
mod sink;
#[path = "../../../pipeline-core/src/stage/mod.rs"]
pub mod stage;
#[path = "../../../pipeline-core/src/sync.rs"]
mod sync;

pub mod models;

pub use edge::DEFAULT_BUFFER;
pub use sink::Drain;
