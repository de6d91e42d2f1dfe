//! What all fused steps share: their counts, and the shape of their flows.

use std::sync::Arc;

use crate::ledger::Kind;
use crate::plan::Build;
use crate::run::{Node, blame};

/// The counts of a fused step, published when its task waits.
///
/// Plain additions and no guard: what a panic has left behind tells which step it is to be blamed on.
pub(crate) struct FusedCount {
    pub(crate) node: Arc<Node>,
    seen: u64,
    filtered: u64,
    failed: u64,
    dropped: u64,
    out: u64,
    /// Items that have not given all their outputs yet. Those that never do were abandoned.
    held: u64,
    /// Of those that were held when the counts were last published, so many have not been counted as ended.
    open: u64,
    /// The user's code that runs.
    runs: Runs,
}

/// What the user's code runs on.
#[derive(Clone, Copy, PartialEq)]
enum Runs {
    Nothing,
    /// An item that is counted as ended.
    OnEnded,
    /// An item that is held.
    OnHeld,
}

impl FusedCount {
    pub(crate) fn new(build: &Build, name: &str) -> FusedCount {
        FusedCount::of(build.site(name, Kind::Fused).node)
    }

    pub(crate) fn of(node: Arc<Node>) -> FusedCount {
        FusedCount { node, seen: 0, filtered: 0, failed: 0, dropped: 0, out: 0, held: 0, open: 0, runs: Runs::Nothing }
    }

    /// Runs the user's closure on one item, which it ends; a panic is counted and blamed on this step.
    pub(crate) fn call<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.seen += 1;
        self.run(Runs::OnEnded, f)
    }

    /// Runs the user's closure on one item, which is held until it is [released](Self::release).
    pub(crate) fn call_held<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let result = self.call(f);
        self.held += 1;
        result
    }

    /// Runs more of the user's code on the item that is held: a panic in it ends and fails that item.
    pub(crate) fn call_more<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.run(Runs::OnHeld, f)
    }

    fn run<R>(&mut self, runs: Runs, f: impl FnOnce() -> R) -> R {
        self.runs = runs;
        let result = f();
        self.runs = Runs::Nothing;
        result
    }

    /// An item is held until it is [released](Self::release).
    pub(crate) fn hold(&mut self) {
        self.seen += 1;
        self.held += 1;
    }

    /// The item that was held has ended.
    pub(crate) fn release(&mut self) {
        self.release_all(1);
    }

    /// So many of the items that were held have ended.
    pub(crate) fn release_all(&mut self, items: u64) {
        self.held -= items;
    }

    pub(crate) fn seen(&mut self) {
        self.seen += 1;
    }

    pub(crate) fn filtered(&mut self) {
        self.filtered += 1;
    }

    /// Drops an item that does not pass, or what is left of one; a panic in its destructor is this step's.
    pub(crate) fn drop<T>(&mut self, left: T) {
        self.run(Runs::OnEnded, || drop(left));
    }

    pub(crate) fn failed(&mut self) {
        self.failed += 1;
    }

    /// The item has failed, and the run goes on without it.
    pub(crate) fn skipped(&mut self) {
        self.failed += 1;
        self.node.counts.skipped.add(1);
    }

    /// An item was thrown away that nobody waits for.
    pub(crate) fn dropped(&mut self) {
        self.dropped += 1;
    }

    pub(crate) fn out(&mut self) {
        self.out += 1;
    }

    /// A panic has been caught, or unwinds: if it came from this step's code, the item in hand has failed by it.
    pub(crate) fn own_up(&mut self) {
        let runs = std::mem::replace(&mut self.runs, Runs::Nothing);
        if runs != Runs::Nothing {
            self.failed += 1;
            self.held -= u64::from(runs == Runs::OnHeld);
            blame(&self.node.name);
        }
    }

    pub(crate) fn flush(&mut self) {
        let counts = &self.node.counts;
        let seen = std::mem::take(&mut self.seen);
        let failed = std::mem::take(&mut self.failed);
        let dropped = std::mem::take(&mut self.dropped);
        let ended = seen + std::mem::replace(&mut self.open, self.held) - self.held;
        counts.accepted.add(seen);
        counts.started.add(seen);
        counts.ended.add(ended);
        counts.out.add(std::mem::take(&mut self.out));
        counts.filtered.add(std::mem::take(&mut self.filtered));
        counts.failed.add(failed);
        counts.dropped.add(dropped);
        counts.done.add(ended - failed - dropped);
    }
}

impl Drop for FusedCount {
    fn drop(&mut self) {
        self.own_up();
        self.flush();
        self.node.counts.ended.add(self.held);
        self.node.counts.abandoned.add(self.held);
    }
}

/// Writes the `Push` methods that are named, each of which is passed on to `next`. Without names, all but `push`, for a
/// fused step with a `count`. `counts` are those which publish the counts and own up to a panic.
macro_rules! pass_on {
    () => {
        crate::op::pass_on!(poll_room poll_settled poll_rest offer_end counts end bind take_woken room_behind);
    };
    ($($method:ident)+) => {
        $(crate::op::pass_on!(@ $method);)+
    };
    (@ poll_room) => {
        fn poll_room(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<crate::push::Flowing> {
            self.next.poll_room(cx)
        }
    };
    (@ poll_settled) => {
        fn poll_settled(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<crate::push::Flowing> {
            self.next.poll_settled(cx)
        }
    };
    (@ poll_rest) => {
        fn poll_rest(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
            self.next.poll_rest(cx)
        }
    };
    (@ offer_end) => {
        fn offer_end(&mut self, end: &std::sync::Arc<dyn crate::push::Ending>) -> bool {
            self.next.offer_end(end)
        }
    };
    (@ counts) => {
        fn flush(&mut self) {
            self.count.flush();
            self.next.flush();
        }

        fn own_up(&mut self) {
            self.count.own_up();
            self.next.own_up();
        }
    };
    (@ flush) => {
        fn flush(&mut self) {
            self.next.flush();
        }
    };
    (@ own_up) => {
        fn own_up(&mut self) {
            self.next.own_up();
        }
    };
    (@ end) => {
        fn end(&mut self) {
            self.next.end();
        }
    };
    (@ bind) => {
        fn bind(&mut self, writer: &std::sync::Arc<crate::run::Node>) {
            self.next.bind(writer);
        }
    };
    (@ take_woken) => {
        fn take_woken(&mut self) -> bool {
            self.next.take_woken()
        }
    };
    (@ room_behind) => {
        fn room_behind(&self) -> usize {
            self.next.room_behind()
        }
    };
}
pub(crate) use pass_on;

/// Declares the flow of a fused step: its struct, `new`, `Debug`, and the `outline` that its upstream says.
macro_rules! fused_flow {
    ($(#[$doc:meta])* $name:ident<P $(, $param:ident)*> { $($field:ident: $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
        #[derive(Clone)]
        pub struct $name<P $(, $param)*> {
            upstream: P,
            $($field: $ty,)*
        }

        impl<P $(, $param)*> $name<P $(, $param)*> {
            pub(crate) fn new(upstream: P $(, $field: $ty)*) -> Self {
                $name { upstream $(, $field)* }
            }
        }

        impl<P $(, $param)*> std::fmt::Debug for $name<P $(, $param)*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}
pub(crate) use fused_flow;
