//! The programs of the README and the guide: compiled and run by `cargo test`, as tests of this package's docs.

macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {$(
        #[doc = include_str!(concat!("../../", $path))]
        mod $name {}
    )*};
}

pages! {
    readme: "README.md",
}
