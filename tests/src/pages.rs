//! The programs of the README and the guide: compiled and run by `cargo test`, as tests of this package's docs.

macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {$(
        #[doc = include_str!(concat!("../../", $path))]
        mod $name {}
    )*};
}

pages! {
    readme: "README.md",
    introduction: "docs/guide/src/introduction.md",
    concepts: "docs/guide/src/concepts.md",
    writing_stages: "docs/guide/src/writing-stages.md",
    order_and_bounds: "docs/guide/src/order-and-bounds.md",
    joins_and_splits: "docs/guide/src/joins-and-splits.md",
    operators: "docs/guide/src/operators.md",
    running: "docs/guide/src/running.md",
    when_something_fails: "docs/guide/src/when-something-fails.md",
    stopping: "docs/guide/src/stopping.md",
    embedding: "docs/guide/src/embedding.md",
    seeing: "docs/guide/src/seeing.md",
    testing: "docs/guide/src/testing.md",
    from_buffered: "docs/guide/src/coming-from/buffered.md",
    from_channels: "docs/guide/src/coming-from/channels.md",
    from_joinset: "docs/guide/src/coming-from/joinset.md",
    from_shared_receiver: "docs/guide/src/coming-from/shared-receiver.md",
    from_rayon: "docs/guide/src/coming-from/rayon.md",
    from_asyncio: "docs/guide/src/coming-from/asyncio.md",
}
