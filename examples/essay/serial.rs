//! The same functions, each called when the one before has returned: what plain code does.

use crate::unit::units;
use crate::{e1, e3, e4, e5, e6};
use taktline::prelude::*;

pub(crate) async fn e1() -> taktline::Result<()> {
    e1::say_after(1.0, "hello").count().run().await?;
    e1::say_after(2.0, "world").count().run().await?;
    Ok(())
}

pub(crate) async fn e3() -> taktline::Result<()> {
    let xs = e3::g().collect::<Vec<_>>().run().await?.value;
    for _ in xs {
        sleep(units(2.0)).await;
    }
    Ok(())
}

pub(crate) async fn e4() -> taktline::Result<()> {
    let items = e4::producer(5).collect::<Vec<_>>().run().await?.value;
    for i in items {
        e4::consumer().call(i).await;
    }
    Ok(())
}

pub(crate) async fn e5() -> taktline::Result<()> {
    let items = e5::producer().collect::<Vec<_>>().run().await?.value;
    for i in items {
        e5::consumer().call(i).await;
    }
    Ok(())
}

pub(crate) async fn e6() -> taktline::Result<()> {
    for _ in 0..4 {
        let items = e6::producer().collect::<Vec<_>>().run().await?.value;
        for i in items {
            e6::consumer().call(i).await;
        }
    }
    Ok(())
}
