use taktline::prelude::*;

struct Client;

#[stage]
async fn per_call(x: u64, client: Client) -> u64 {
    drop(client);
    x
}

#[stage]
async fn per_worker(x: u64, client: &mut Client) -> u64 {
    let _ = client;
    x
}

fn main() {}
