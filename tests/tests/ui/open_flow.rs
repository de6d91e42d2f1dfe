use taktline::prelude::*;

#[stage]
async fn double(x: u64) -> u64 {
    2 * x
}

#[taktline::main]
async fn main() -> taktline::Result<()> {
    iter(0..3u64).then(double()).run().await?;
    Ok(())
}
