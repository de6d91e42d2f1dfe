#[taktline::main(tokyo)]
async fn main() {}

#[taktline::main(sim)]
async fn on_sim() {}

#[taktline::main(tokio, smol)]
async fn on_two() {}

#[taktline::main(threads = 4)]
async fn with_a_key() {}
