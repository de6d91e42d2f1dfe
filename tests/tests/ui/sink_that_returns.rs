use taktline::prelude::*;

type Stored = Result<(), std::fmt::Error>;

#[sink]
async fn value(x: u64) -> u64 {
    x
}

#[sink]
async fn value_or_error(x: u64) -> Result<u64, std::fmt::Error> {
    Ok(x)
}

#[sink]
async fn alias(_: u64) -> Stored {
    Ok(())
}

fn main() {}
