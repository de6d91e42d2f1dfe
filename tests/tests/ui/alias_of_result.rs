use taktline::prelude::*;

type Outcome = Result<u64, std::fmt::Error>;

#[stage]
async fn parse(x: u64) -> Outcome {
    Ok(x)
}

fn main() {}
