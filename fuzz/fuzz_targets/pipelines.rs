//! Random pipelines with faults, of which a fuzzer chooses sizes, shapes and bounds, and which faults happen.
//!
//! ```console
//! cargo +nightly fuzz run pipelines
//! ```
//! Without `cargo fuzz` it is a program like any other, if it is built with the flags of `.ci/run`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use taktline_sim::{Explore, Faults};
use tests::random::{Moved, on_sim};

fuzz_target!(init: {
    // Panics are a part of what is tried: without this the fuzzer would take the first one for a crash.
    std::panic::set_hook(Box::new(|_| {}));
}, |bytes: &[u8]| {
    let explore = Explore::new().faults(Faults::all()).shrink(500);
    if let Err(failed) = explore.bytes(bytes, |case| on_sim(case, &Moved::default())) {
        eprintln!("{failed}");
        std::process::abort();
    }
});
