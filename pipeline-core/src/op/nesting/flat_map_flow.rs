//! Several inner flows at once.

use crate::error::BoxError;
use crate::flow::Flow;
use crate::run::start_within;
use crate::stage::{Out, Stage};

/// The stage of [`flat_map_flow`](crate::flow::NestingExt::flat_map_flow): each worker has one inner flow.
pub(crate) struct FlatMapFlow<T, F> {
    f: F,
    takes: std::marker::PhantomData<fn(T)>,
}

impl<T, F> FlatMapFlow<T, F> {
    pub(crate) fn new(f: F) -> Self {
        FlatMapFlow { f, takes: std::marker::PhantomData }
    }
}

impl<T, F: Clone> Clone for FlatMapFlow<T, F> {
    fn clone(&self) -> Self {
        FlatMapFlow::new(self.f.clone())
    }
}

impl<T, G, F> Stage for FlatMapFlow<T, F>
where
    T: Send + 'static,
    G: Flow,
    F: FnMut(T) -> G + Clone + Send + 'static,
{
    type In = T;
    type Out = G::Item;

    async fn call(&mut self, item: T, mut out: Out<'_, G::Item>) -> Result<Option<G::Item>, BoxError> {
        let mut inner = start_within((self.f)(item), out.hold());
        while let Some(made) = inner.next().await? {
            out.send(made).await;
        }
        Ok(None)
    }
}
