use taktline::prelude::*;

struct Lost;

#[stage]
async fn fetch(x: u64) -> Result<u64, Lost> {
    Ok(x)
}

#[stage]
async fn parse(x: u64) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(x)
}

fn main() {}
