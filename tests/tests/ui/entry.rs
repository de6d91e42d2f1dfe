use taktline::prelude::*;

#[taktline::test(tokyo)]
async fn lost() {}

#[taktline::main(sim)]
async fn main() {}
