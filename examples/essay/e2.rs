//! Two calls at once, without a task made by the user: 2 units.

use crate::e1::say_after;
use crate::unit::say;
use taktline::prelude::*;

pub(crate) async fn main() -> taktline::Result<()> {
    let flow = merge([say_after(1.0, "hello"), say_after(2.0, "world")]);
    flow.for_each(say).run().await?;
    Ok(())
}
