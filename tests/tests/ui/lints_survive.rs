//! Each lint is told once, where the user has written what it is about.
#![deny(missing_docs, unreachable_pub, unused, deprecated)]

use taktline::prelude::*;

#[stage]
async fn never_used(x: u64) -> u64 {
    x
}

#[stage]
async fn has_an_unused_variable(x: u64) -> u64 {
    let y = 1;
    x
}

#[stage]
#[deprecated = "use another"]
async fn old(x: u64) -> u64 {
    x
}

#[stage]
#[must_use = "it says why"]
async fn must_be_used(x: u64) -> u64 {
    x
}

mod private {
    #[taktline::stage]
    pub async fn unreachable(x: u64) -> u64 {
        x
    }
}

#[stage]
pub async fn undocumented(x: u64) -> u64 {
    x
}

fn main() {
    let _ = has_an_unused_variable();
    let _ = old();
    must_be_used();
    let _ = private::unreachable();
}
