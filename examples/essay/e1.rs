//! Two calls one after the other: 3 units.

use crate::unit::{say, units};
use taktline::prelude::*;

#[source]
pub(crate) async fn say_after(delay: f64, what: &'static str, out: Out<&'static str>) {
    sleep(units(delay)).await;
    out.send(what).await;
}

pub(crate) async fn main() -> taktline::Result<()> {
    let flow = say_after(1.0, "hello").chain(say_after(2.0, "world"));
    flow.for_each(say).run().await?;
    Ok(())
}
