//! `by_key` beside another order, and where there is nobody to keep it.

use taktline::prelude::*;

fn key(x: &u64) -> u64 {
    x % 2
}

#[stage(concurrency = 4, unordered, by_key = key)]
async fn beside_none(x: u64) -> u64 {
    x
}

#[stage(concurrency = 4, window = 8, by_key = key)]
async fn beside_a_window(x: u64) -> u64 {
    x
}

#[stage(by_key = key)]
fn fused(x: u64) -> u64 {
    x
}

#[sink(by_key = key)]
async fn streams(mut input: In<u64>) {
    while input.next().await.is_some() {}
}

#[stage(concurrency = 4, by_key)]
async fn without_a_key(x: u64) -> u64 {
    x
}

fn main() {}
