use std::borrow::Cow;

use taktline::prelude::*;

#[stage]
async fn item(text: &str) -> usize {
    text.len()
}

#[stage]
async fn inside_of_an_item(text: Cow<'_, str>) -> usize {
    text.len()
}

#[stage]
async fn configuration(x: usize, names: Vec<&str>) -> usize {
    x + names.len()
}

#[stage]
async fn output(_: usize, name: &str) -> &str {
    name
}

#[source]
async fn sent(out: Out<&[u8]>) {
    out.send(b"x").await;
}

#[stage]
async fn with_a_lifetime<'a>(x: usize, out: Out<'a, usize>) {
    out.send(x).await;
}

#[stage]
async fn good(x: &'static str, callback: fn(&str) -> &str, name: &str) -> Cow<'static, str> {
    Cow::Owned(callback(x).to_owned() + name)
}

fn main() {}
