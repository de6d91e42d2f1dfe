#[taktline::test(tokyo)]
async fn misspelled() {}

#[taktline::test(tokio, smol, tokio)]
async fn twice() {}

#[taktline::test]
fn not_async() {}

fn main() {}
