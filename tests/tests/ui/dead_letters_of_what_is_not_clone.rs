use taktline::prelude::*;

struct Order(u64);

#[stage(on_error = dead_letter)]
async fn send(order: Order) -> Result<u64, String> {
    Ok(order.0)
}

fn main() {
    let _ = send().dead_letters(|letters| letters.for_each(drop));
}
