use taktline::prelude::*;

struct Client;

#[stage]
async fn fetch(x: u64, client: &Client) -> u64 {
    let _ = client;
    x
}

fn main() {
    let client = Client;
    let _ = iter(0..3u64).then(fetch(&client)).count();
    let _ = iter(0..3u64).then(fetch("client")).count();
}
