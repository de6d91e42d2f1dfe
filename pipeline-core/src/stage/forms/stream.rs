//! Stages and sinks that read a whole stream.

use std::borrow::Cow;
use std::fmt;

use super::Transform;
use crate::flow::{BoxFlow, Flow};
use crate::run::Pipeline;
use crate::sink::Drain;
use crate::stage::Step;
use crate::stage::settings::Settings;
use crate::stage::stream::{StreamFlow, StreamSinkFlow};

/// A stream-to-stream stage, and its settings. Made by `#[stage]`; [`In`](crate::stage::In) has an example.
///
/// It reads a whole stream, so it has one worker: there is no `concurrency`. An item is in work from its read until the next
/// read, or the end of the function.
#[must_use = "a stage does nothing until it is handed to `then` and the pipeline is run"]
#[derive(Clone)]
pub struct StreamStage<S> {
    body: S,
    settings: Settings,
}

/// A sink that reads a whole stream, and its settings. Made by `#[sink]`.
///
/// ```
/// use taktline::prelude::*;
///
/// #[sink(buffer = 2)]
/// async fn rising(input: In<u64>) -> Result<(), String> {
///     let mut last = 0;
///     while let Some(x) = input.next().await {
///         if x < last {
///             return Err(format!("{x} comes after {last}"));
///         }
///         last = x;
///     }
///     Ok(())
/// }
///
/// # taktline::sim::run(1, async {
/// assert!(iter([1, 2, 3u64]).sink(rising()).run().await.is_ok());
/// let error = iter([2, 1u64]).sink(rising()).run().await.unwrap_err();
/// assert_eq!(error.to_string(), "stage `rising` failed on item 1: 1 comes after 2");
/// # });
/// ```
#[must_use = "a sink does nothing until it is handed to `sink` and the pipeline is run"]
#[derive(Clone)]
pub struct StreamSink<S> {
    body: S,
    settings: Settings,
}

macro_rules! named_forms {
    ($($name:ident),*) => {$(
        impl<S> $name<S> {
            #[doc(hidden)]
            pub fn new(name: &'static str, body: S) -> Self {
                $name { body, settings: Settings::new(name) }
            }

            /// The name in errors and reports. Default: the name of the function.
            pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
                self.settings.name = name.into();
                self
            }
        }

        impl<S> fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("settings", &self.settings).finish_non_exhaustive()
            }
        }
    )*};
}
named_forms!(StreamStage, StreamSink);

impl<S> StreamStage<S> {
    /// How many items may wait before the stage. Default 16. Zero makes the plan invalid: `run` says so.
    pub fn buffer(mut self, items: usize) -> Self {
        self.settings.buffer = Some(items);
        self
    }
}

impl<S> StreamSink<S> {
    /// How many items may wait before the sink. Default 16. Zero makes the plan invalid: `run` says so.
    pub fn buffer(mut self, items: usize) -> Self {
        self.settings.buffer = Some(items);
        self
    }
}

/// Marker: a stream-to-stream stage that an attribute made.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByStream;

#[diagnostic::do_not_recommend]
impl<S: Transform> Step<S::Item, ByStream> for StreamStage<S> {
    type Flow<P: Flow<Item = S::Item>> = BoxFlow<S::Out, P::Lineage>;

    fn attach<P: Flow<Item = S::Item>>(self, upstream: P) -> Self::Flow<P> {
        StreamFlow { upstream, body: self.body, settings: self.settings }.boxed()
    }
}

#[diagnostic::do_not_recommend]
impl<S: Transform<Out = ()>> Drain<S::Item, ByStream> for StreamSink<S> {
    fn end<P: Flow<Item = S::Item>>(self, upstream: P) -> Pipeline<()> {
        Pipeline::ended(StreamSinkFlow { upstream, body: self.body, settings: self.settings })
    }
}
