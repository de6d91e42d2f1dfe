//! Operators that change the order of items. That of a stage with workers is a setting of the stage.

mod resequence;

pub use resequence::Resequence;
