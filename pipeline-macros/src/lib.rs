//! The attributes of taktline. Use them through the facade, `taktline`.
//!
//! Parse, check, expand: `keys` reads the arguments of an attribute, `model` checks a function against them and
//! collects all mistakes, `expand` writes the code.

mod entry;
mod expand;
mod keys;
mod model;
mod types;

use proc_macro::TokenStream;

use model::Role;

/// Makes a stage of a free function: from one item to one, to many, or from stream to stream.
///
/// The function's name becomes a constructor: `#[stage] async fn fetch(url: Url, client: &Client) -> Page` is used as
/// `.then(fetch(client))`. `fetch(client).call(url)` calls the function itself.
///
/// | signature | form |
/// | --- | --- |
/// | `async fn(item: T, ..) -> U` | one to one |
/// | `async fn(item: T, .., out: Out<U>)` | one to many: `out.send(x).await` |
/// | `async fn(input: In<T>, .., out: Out<U>)` | stream to stream, with state |
/// | `fn(item: T, ..) -> U` | fused into the task before it; with `concurrency` or `buffer` it has workers |
/// | `#[stage(blocking)] fn(item: T, ..) -> U` | on the threads where the runtime allows blocking |
///
/// The arguments behind the item are configuration, given to the constructor in their order: `&T` is shared by the workers
/// (the constructor takes a `T`, an `Arc<T>`, or a `&T` that can be cloned), `&mut T` is state of its own for each worker,
/// `T` is cloned for each call.
///
/// Type parameters are `Send + 'static` by themselves, since what they stand for moves between tasks.
///
/// A `Result<U, E>` sends `U` on; an `Err` fails the item, and with it the run.
///
/// | key | meaning |
/// | --- | --- |
/// | `concurrency = n` | n workers; default 1 |
/// | `unordered` | outputs leave as they finish |
/// | `window = n` | most items in work or finished at once, in order; default `2 * concurrency` |
/// | `buffer = n` | places of the edge before the stage; default 16 |
/// | `name = ".."` | the name in errors and reports |
/// | `blocking` | see above |
/// | `result_is_item` | the whole `Result` goes on as data |
/// | `crate = path` | where taktline is, if it was renamed |
///
/// Keys override defaults; the builder methods of the same names override keys.
#[proc_macro_attribute]
pub fn stage(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand::function(Role::Stage, keys.into(), item.into()).into()
}

/// Makes a source of a function: `async fn(.., out: Out<T>)`, a generator whose `yield` is `out.send(x).await`.
///
/// The function's name becomes a constructor that takes the other arguments, as those of a [`macro@stage`] behind its item,
/// and returns a flow: `producer(5).then(..)`. An `Err` of a `Result<(), E>` ends the run after the items that were sent.
///
/// Keys: `name`, `crate`.
#[proc_macro_attribute]
pub fn source(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand::function(Role::Source, keys.into(), item.into()).into()
}

/// Makes a sink of a function that returns `()` or `Result<(), E>`: `.sink(output())`.
///
/// | signature | form |
/// | --- | --- |
/// | `async fn(item: T, ..)` | with workers |
/// | `async fn(input: In<T>, ..)` | reads the whole stream |
/// | `fn(item: T, ..)` | fused into the task before it; with `concurrency` or `buffer` it has workers |
/// | `#[sink(blocking)] fn(item: T, ..)` | on the threads where the runtime allows blocking |
///
/// Arguments behind the item are configuration, as those of a [`macro@stage`]. A sink is never ordered and has no window.
///
/// Keys: `concurrency`, `buffer`, `name`, `blocking`, `crate`.
#[proc_macro_attribute]
pub fn sink(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand::function(Role::Sink, keys.into(), item.into()).into()
}

/// Runs an `async fn main` on tokio or smol, by feature. With both features on it is tokio; `#[main(smol)]` says otherwise,
/// `#[main(current_thread)]` takes one thread instead of one for each core. `crate = path` says where taktline is, if it was
/// renamed.
#[proc_macro_attribute]
pub fn main(keys: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(keys.into(), item.into()).into()
}

/// Runs an `async fn` as a test, with a few seeds on the simulated runtime; `#[test(tokio, smol, sim)]` makes a module of
/// that name with a test for each runtime that is named. `crate = path` says where taktline is, if it was renamed.
#[proc_macro_attribute]
pub fn test(keys: TokenStream, item: TokenStream) -> TokenStream {
    entry::test(keys.into(), item.into()).into()
}
