//! What can be merged: any number of flows of one type, or tuples of different types.

use super::several::MergeFlow;
use crate::flow::{BoxFlow, Flow};
use crate::lineage::Lineage;
use crate::op::merge::several::widen;

/// Flows that [`merge`](super::merge) takes: an array, a `Vec` or any iterator over flows of one type, or a tuple of two to
/// eight types. `M` is inferred; no program names it.
///
/// A tuple may mix tracked and untracked flows: the merge is tracked if one of them is. [`merge`](super::merge) has an
/// example. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be merged",
    note = "write `merge([a, b])` for flows of one type, `merge((a, b))` for flows of different types with one item type"
)]
pub trait Merge<M> {
    /// The flow of all items.
    type Flow: Flow;

    #[doc(hidden)]
    fn merge(self) -> Self::Flow;
}

/// Marker: flows of one type.
#[doc(hidden)]
#[derive(Debug)]
pub struct OfOneType;

/// Marker: a tuple.
#[doc(hidden)]
#[derive(Debug)]
pub struct OfATuple;

impl<I: IntoIterator<Item: Flow>> Merge<OfOneType> for I {
    type Flow = MergeFlow<<I::Item as Flow>::Item, <I::Item as Flow>::Lineage>;

    fn merge(self) -> Self::Flow {
        MergeFlow::new(self.into_iter().map(Flow::boxed).collect())
    }
}

/// The lineage of a tuple of flows, folded from the right.
type Joined<A, B> = <A as Lineage>::Join<B>;

macro_rules! joined {
    ($a:ident) => { $a::Lineage };
    ($a:ident $($rest:ident)+) => { Joined<$a::Lineage, joined!($($rest)+)> };
}

macro_rules! merge_tuple {
    ($($name:ident $field:tt),+) => {
        impl<T: Send + 'static, $($name: Flow<Item = T>),+> Merge<OfATuple> for ($($name,)+) {
            type Flow = MergeFlow<T, joined!($($name)+)>;

            fn merge(self) -> Self::Flow {
                let flows: Vec<BoxFlow<T, joined!($($name)+)>> = vec![$(widen(self.$field)),+];
                MergeFlow::new(flows)
            }
        }
    };
}

merge_tuple!(A 0, B 1);
merge_tuple!(A 0, B 1, C 2);
merge_tuple!(A 0, B 1, C 2, D 3);
merge_tuple!(A 0, B 1, C 2, D 3, E 4);
merge_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
merge_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
merge_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
