//! The attributes of taktline. Use them through the facade, `taktline`.
//!
//! Parse, check, expand: `keys` reads the arguments of an attribute, `model` checks a function against them and
//! collects all mistakes, `expand` writes the code.

mod entry;
mod expand;
mod keys;
mod model;
mod policy;
mod time;
mod types;

use proc_macro::TokenStream;

use model::Role;

/// Makes a stage of a free function: from one item to one, to many, or from stream to stream.
///
/// The function's name becomes a constructor: `#[stage] async fn fetch(url: Url, client: &Client) -> Page` is used as
/// `.then(fetch(client))`. `fetch(client).call(url)` calls the function itself.
///
/// ```
/// use taktline::prelude::*;
///
/// /// Adds a prefix, and a number of its own for each worker.
/// #[stage(concurrency = 2, name = "label")]
/// async fn label(word: String, prefix: &str, count: &mut u64) -> Result<String, std::fmt::Error> {
///     *count += 1;
///     Ok(format!("{prefix}{word}"))
/// }
///
/// #[stage]
/// async fn words(line: &'static str, out: Out<String>) {
///     for word in line.split(' ') {
///         out.send(word.to_owned()).await;
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let plan = iter(["a b", "c"]).then(words()).then(label("x-", 0).concurrency(3)).collect::<Vec<_>>();
/// assert_eq!(plan.run().await?.value, ["x-a", "x-b", "x-c"]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Forms
///
/// The signature says which form a stage has.
///
/// | form | signature |
/// | --- | --- |
/// | one to one | `async fn(item: T, ..) -> U` |
/// | one to many | `async fn(item: T, .., out: Out<U>)`, with `out.send(x).await` |
/// | stream to stream, with state | `async fn(input: In<T>, .., out: Out<U>)` |
/// | fused: no task, no edge, no await | `fn(item: T, ..) -> U` |
/// | plain with workers | the same, with the key `concurrency` or `buffer` |
/// | blocking: on the threads where the runtime allows it | `#[stage(blocking)] fn(item: T, ..) -> U` |
///
/// # Configuration
///
/// The arguments behind the item are given to the constructor in their order.
///
/// | argument | the constructor takes | the body has |
/// | --- | --- | --- |
/// | `&T` | a `T`, an `Arc<T>`, or a `&T` that can be cloned; for `&str`, `&[T]`, `&Path` also the owned type | one value, shared by the workers |
/// | `&mut T` | a `T` that can be cloned | a state of its own for each worker |
/// | `T` | a `T` that can be cloned | a clone for each call |
///
/// Everything is owned or `'static`: workers are tasks. Type parameters and `where` clauses are kept, and type parameters are
/// `Send + 'static` by themselves, since what they stand for moves between tasks. Lifetime parameters are refused.
///
/// # Errors
///
/// A `Result<U, E>` sends `U` on; an `Err` fails the item, and with it the run unless a key says otherwise. Any path that ends in `Result` is one; an
/// alias of another name is a compile error that says what to write. `E` is anything that becomes a
/// `Box<dyn Error + Send + Sync>`.
///
/// # Keys
///
/// Keys override defaults; the builder methods of the same names override keys. A zero is a compile error, as is a key in a
/// form where it cannot work.
///
/// | key | meaning | one to one, to many | stream | fused | plain with workers, blocking |
/// | --- | --- | --- | --- | --- | --- |
/// | `concurrency = n` | n workers; default 1 | yes | - | gives it workers | yes |
/// | `unordered` | outputs leave as they finish | yes | - | - | yes |
/// | `by_key = f` | keeps the order of the items of each key, a function or closure of `&T` that captures nothing; not beside `unordered` or `window` | yes | - | - | yes |
/// | `window = n` | most items in work or finished at once, in order; default `2 * concurrency`, 1 for one worker; not below `concurrency`, not beside `unordered` | yes | - | - | yes |
/// | `buffer = n` | places of the edge before the stage; default 16 | yes | yes | gives it a worker | yes |
/// | `name = ".."` | the name in errors and reports; default: that of the function | yes | yes | yes | yes |
/// | `blocking` | makes a plain function a blocking stage | - | - | makes it one | - |
/// | `result_is_item` | the whole `Result` goes on as data | one to one | - | yes | yes |
/// | `crate = path` | where taktline is, if it was renamed; default `::taktline` | yes | yes | yes | yes |
///
/// `blocking`, `result_is_item` and `crate` have no builder method.
///
/// What happens when an item fails. Times are literals with `us`, `ms`, `s`, `min` or `h`.
///
/// | key | meaning | one to one, to many | stream | fused | plain with workers, blocking |
/// | --- | --- | --- | --- | --- | --- |
/// | `timeout = 2s` | how long one attempt may take; default for ever | yes | - | - | - |
/// | `deadline = 10s` | how long all attempts may take, with the waits between them; default for ever | yes | - | - | - |
/// | `retry = n` | n further attempts; default none; the item is `Clone` | yes | - | - | yes |
/// | `backoff = 1s`, `backoff = exponential(100ms, cap = 10s, jitter)` | the wait before a further attempt; default 100 ms, constant | yes | - | - | yes |
/// | `retry_if = f` | which errors are worth a further attempt, a function or closure of `&(dyn Error + 'static)`; default all | yes | - | - | yes |
/// | `on_error = skip` | goes on without an item that has failed for good; default `fail` | yes | - | yes | yes |
/// | `on_panic = skip` | the same for one that has panicked | yes | - | yes | yes |
/// | `on_error = dead_letter`, `on_panic = dead_letter` | hands such an item to the flow that `.dead_letters(..)` gives; the item is `Clone` | yes | - | - | yes |
///
/// What a worker does before its first item and after its last one. The hooks are async functions of the arguments behind the
/// item, which return nothing or a `Result<(), E>`.
///
/// | key | meaning | one to one, to many | stream | fused | plain with workers, blocking |
/// | --- | --- | --- | --- | --- | --- |
/// | `init = f` | awaited by each worker before it takes an item; an error fails the run | yes | - | - | yes |
/// | `close = f` | awaited by each worker at every ending but a drop, for five seconds at most | yes | - | - | yes |
///
/// ```
/// use taktline::prelude::*;
///
/// #[derive(Clone, Default)]
/// struct Connection {
///     address: Option<String>,
/// }
///
/// async fn connect(address: &str, connection: &mut Connection) -> Result<(), String> {
///     connection.address = Some(address.to_owned());
///     Ok(())
/// }
///
/// async fn hang_up(_: &str, connection: &mut Connection) {
///     connection.address = None;
/// }
///
/// #[stage(concurrency = 2, init = connect, close = hang_up)]
/// async fn send(x: u64, address: &str, connection: &mut Connection) -> Result<String, String> {
///     let to = connection.address.as_deref().ok_or_else(|| format!("{address} is not connected"))?;
///     Ok(format!("{x} to {to}"))
/// }
///
/// # taktline::sim::run(1, async {
/// let plan = iter(0..2u64).then(send("home", Connection::default())).collect::<Vec<_>>();
/// assert_eq!(plan.run().await?.value, ["0 to home", "1 to home"]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[proc_macro_attribute]
pub fn stage(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand::function(Role::Stage, keys.into(), item.into()).into()
}

/// Makes a source of a function: `async fn(.., out: Out<T>)`, a generator whose `yield` is `out.send(x).await`.
///
/// The function's name becomes a constructor that takes the other arguments, as those of a [`macro@stage`] behind its item,
/// and returns a flow: `producer(5).then(..)`. It returns nothing, or a `Result<(), E>`: an `Err` ends the run after the
/// items that were sent.
///
/// ```
/// use taktline::prelude::*;
///
/// #[source]
/// async fn countdown(from: u64, out: Out<u64>) -> Result<(), String> {
///     for x in (0..from).rev() {
///         out.send(x).await;
///     }
///     Err("no more".to_owned())
/// }
///
/// # taktline::sim::run(1, async {
/// let error = countdown(3).collect::<Vec<_>>().run().await.unwrap_err();
/// assert_eq!(error.to_string(), "stage `countdown` failed: no more");
/// assert_eq!(error.report().and_then(|report| report.stage("collect")).map(|row| row.done), Some(3));
/// # });
/// ```
///
/// | key | meaning |
/// | --- | --- |
/// | `restart = 1s`, `restart = exponential(100ms, cap = 10s, jitter)` | runs the function again after an error or a panic, with these waits; default: that fails the run |
/// | `name = ".."` | the name in errors and reports; default: that of the function |
/// | `crate = path` | where taktline is, if it was renamed; default `::taktline` |
#[proc_macro_attribute]
pub fn source(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand::function(Role::Source, keys.into(), item.into()).into()
}

/// Makes a sink of a function that returns `()` or `Result<(), E>`: `.sink(output())`.
///
/// Arguments behind the item are configuration, as those of a [`macro@stage`]. An `Err` fails the run at once.
///
/// ```
/// use taktline::prelude::*;
///
/// #[sink(concurrency = 2)]
/// async fn store(x: u64, most: u64) -> Result<(), String> {
///     if x < most { Ok(()) } else { Err(format!("{x} is too many")) }
/// }
///
/// # taktline::sim::run(1, async {
/// assert!(iter(0..3u64).sink(store(3)).run().await.is_ok());
/// let error = iter(0..4u64).sink(store(3)).run().await.unwrap_err();
/// assert_eq!(error.to_string(), "stage `store` failed on item 3: 3 is too many");
/// # });
/// ```
///
/// | form | signature |
/// | --- | --- |
/// | with workers | `async fn(item: T, ..)` |
/// | reads the whole stream | `async fn(input: In<T>, ..)` |
/// | fused: no task, no edge, no await | `fn(item: T, ..)` |
/// | plain with workers | the same, with the key `concurrency` or `buffer` |
/// | blocking: on the threads where the runtime allows it | `#[sink(blocking)] fn(item: T, ..)` |
///
/// | key | meaning | with workers | stream | fused | plain with workers, blocking |
/// | --- | --- | --- | --- | --- | --- |
/// | `concurrency = n` | n workers; default 1 | yes | - | gives it workers | yes |
/// | `by_key = f` | items of one key are in work one after the other, a function or closure of `&T` that captures nothing | yes | - | - | yes |
/// | `buffer = n` | places of the edge before the sink; default 16 | yes | yes | gives it a worker | yes |
/// | `name = ".."` | the name in errors and reports; default: that of the function | yes | yes | yes | yes |
/// | `blocking` | makes a plain function a blocking sink | - | - | makes it one | - |
/// | `crate = path` | where taktline is, if it was renamed; default `::taktline` | yes | yes | yes | yes |
///
/// The keys `timeout`, `deadline`, `retry`, `backoff`, `retry_if`, `on_error`, `on_panic`, `init` and `close` are those of a [`macro@stage`].
///
/// # Ordering
/// A sink starts items in their order. It has no window, and with several workers items may end in any order.
#[proc_macro_attribute]
pub fn sink(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand::function(Role::Sink, keys.into(), item.into()).into()
}

/// Runs an `async fn main` on tokio or smol, by feature.
///
/// ```
/// use taktline::prelude::*;
///
/// #[taktline::main]
/// async fn main() -> taktline::Result<()> {
///     let done = iter(0..3u64).then(|x| async move { 2 * x }).collect::<Vec<_>>().run().await?;
///     assert_eq!(done.value, [0, 2, 4]);
///     Ok(())
/// }
/// ```
///
/// | word | meaning |
/// | --- | --- |
/// | none | tokio if its feature is on, else smol; with neither it is a compile error that says so |
/// | `tokio`, `smol` | that runtime |
/// | `current_thread` | one thread instead of one for each core |
/// | `crate = path` | where taktline is, if it was renamed |
///
/// The words go together: `#[taktline::main(smol, current_thread)]`. The function has no arguments and returns what a `main`
/// may return. An error that it returns is printed with `Debug`: for a `taktline::Error` that is a report.
#[proc_macro_attribute]
pub fn main(keys: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(keys.into(), item.into()).into()
}

/// Runs an `async fn` as a test, with twenty seeds on the simulated runtime.
///
/// ```test_harness
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// #[taktline::test]
/// async fn an_hour_is_an_hour() -> taktline::Result<()> {
///     let slow = |x: u64| async move { sleep(Duration::from_secs(3600)).await; x };
///     let done = iter(0..3u64).then(slow).count().run().await?;
///     assert_eq!(done.report.elapsed(), Duration::from_secs(3 * 3600));
///     Ok(())
/// }
/// ```
///
/// | words | meaning |
/// | --- | --- |
/// | none | on sim, once for each of the seeds 0 to 19; a failure prints its seed |
/// | some of `sim`, `tokio`, `smol` | a module of the name of the function, with a test for each runtime named |
/// | `crate = path` | where taktline is, if it was renamed |
///
/// The features of the runtimes named must be on, `sim` if none is. The function has no arguments; it returns nothing or a
/// `Result`, of which an `Err` fails the test. Other attributes, such as `#[ignore]` and `#[should_panic]`, are kept.
#[proc_macro_attribute]
pub fn test(keys: TokenStream, item: TokenStream) -> TokenStream {
    entry::test(keys.into(), item.into()).into()
}
