use taktline::prelude::*;

struct Order(u64);

#[stage(retry = 3)]
async fn send(order: Order) -> Result<u64, String> {
    Ok(order.0)
}

fn main() {
    let _ = stage(|order: Order| async move { order.0 }).retry(3);
    let _ = send();
}
