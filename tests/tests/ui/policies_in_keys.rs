use taktline::prelude::*;

#[stage(timeout = 5, deadline = 3days, retry = 0, backoff = fibonacci(1s), on_error = ignore, on_panic)]
async fn values(x: u64) -> u64 {
    x
}

#[stage(timeout = 0ms, retry = 3s, backoff = exponential(1s, longest = 3s), retries = 3)]
async fn more_values(x: u64) -> u64 {
    x
}

#[stage(backoff = 1s, retry_if = |_| true)]
async fn no_retry(x: u64) -> u64 {
    x
}

#[stage(timeout = LIMIT, backoff = exponential())]
async fn computed(x: u64) -> u64 {
    x
}

fn main() {}
