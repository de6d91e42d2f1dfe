//! What plain lists say of operators that put items in order.

use crate::input::{Input, Output};

/// Items that come in pairs, the second one first: each pair goes on when both are there.
pub(crate) fn pairs(input: &Input) -> Vec<Output> {
    let pair = |pair: &[(u64, char)]| {
        let at = if pair.len() == 2 { pair[1].0 } else { input.end };
        pair.iter().map(|(_, letter)| (at, letter.to_string())).collect::<Vec<_>>()
    };
    input.events.chunks(2).flat_map(pair).collect()
}
