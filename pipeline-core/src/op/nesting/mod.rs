//! Flows within flows: each item becomes a flow, which is started where the item is in work.
//!
//! An inner flow is a run of its own, with tasks and edges of its own, and no rows in the ledger of the outer run: so that
//! ledger does not grow with the items. It is dropped with the item, and the outer run is over only when the inner tasks
//! are gone, too.

mod flat_map_flow;
mod switch_map;

pub(crate) use flat_map_flow::FlatMapFlow;
pub(crate) use switch_map::SwitchMap;
