//! The flow of a branch, before it is known what is upstream of it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::{Outlet, Push};

/// Which branch of which split a flow stands for. Clones of a plan have the same keys: each is built as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Key(Arc<()>);

impl Key {
    pub(crate) fn new() -> Key {
        Key(Arc::new(()))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The flow that a split gives to a branch: the items that the branch gets.
///
/// It has to be used in the closure that it is given to, once: what the closure returns ends it in a sink, or leaves it open.
/// [`broadcast`](crate::flow::SplitExt::broadcast) has an example.
#[must_use = "a branch has to read the flow that it is given"]
pub struct Branch<T, L = ()> {
    key: Key,
    items: PhantomData<fn() -> (T, L)>,
}

/// The split's side of a [`Branch`].
pub(crate) struct Socket<T, L> {
    key: Key,
    items: PhantomData<fn() -> (T, L)>,
}

/// A flow for a branch, and the side of it that stays with its split.
pub(crate) fn branch<T, L>() -> (Socket<T, L>, Branch<T, L>) {
    let key = Key::new();
    (Socket { key: key.clone(), items: PhantomData }, Branch { key, items: PhantomData })
}

impl<T: Send + 'static, L: Lineage> Socket<T, L> {
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn keys(sockets: &[Self]) -> Vec<Key> {
        sockets.iter().map(|socket| socket.key.clone()).collect()
    }

    /// What takes the items of the branch, once the branch is built.
    pub(crate) fn unplug(&self, build: &mut Build) -> Outlet<T, L> {
        let outlet = build.unplug(&self.key).and_then(|outlet| outlet.downcast().ok());
        *outlet.expect("the outline of the plan has said that every branch reads its flow")
    }
}

impl<T: Send + 'static, L: Lineage> Flow for Branch<T, L> {
    type Item = T;
    type Lineage = L;

    fn build<N: Push<T, L>>(self, build: &mut Build, next: N) {
        build.plug(self.key, Box::new(next.into_outlet()));
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.branch(&self.key);
    }
}

impl<T, L> Clone for Branch<T, L> {
    fn clone(&self) -> Self {
        Branch { key: self.key.clone(), items: PhantomData }
    }
}

impl<T, L> Clone for Socket<T, L> {
    fn clone(&self) -> Self {
        Socket { key: self.key.clone(), items: PhantomData }
    }
}

impl<T, L> fmt::Debug for Branch<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Branch")
    }
}
