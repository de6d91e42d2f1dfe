//! What travels through the pipelines.

/// An item with a value that survives the way, so that the answer can be checked.
pub(crate) trait Item: Send + Unpin + 'static {
    fn new(value: u64) -> Self;

    /// What a trivial stage does.
    fn add_one(self) -> Self;

    fn value(&self) -> u64;
}

impl Item for u64 {
    fn new(value: u64) -> Self {
        value
    }

    fn add_one(self) -> Self {
        self + 1
    }

    fn value(&self) -> u64 {
        *self
    }
}

/// 256 bytes that move with each hand-over.
pub(crate) struct Wide([u64; 32]);

impl Item for Wide {
    fn new(value: u64) -> Self {
        let mut words = [0; 32];
        words[31] = value;
        Wide(words)
    }

    fn add_one(mut self) -> Self {
        self.0[31] += 1;
        self
    }

    fn value(&self) -> u64 {
        self.0[31]
    }
}

/// 1 KiB on the heap: one task allocates it, another one frees it.
impl Item for Vec<u8> {
    fn new(value: u64) -> Self {
        let mut bytes = vec![0; 1024];
        bytes[..8].copy_from_slice(&value.to_le_bytes());
        bytes
    }

    fn add_one(mut self) -> Self {
        let value = self.value() + 1;
        self[..8].copy_from_slice(&value.to_le_bytes());
        self
    }

    fn value(&self) -> u64 {
        u64::from_le_bytes(self[..8].try_into().expect("8 bytes are 8 bytes"))
    }
}

/// The sum of all items of `0..items` after `stages` trivial stages.
pub(crate) fn sum(items: u64, stages: u64) -> u64 {
    items * items.saturating_sub(1) / 2 + items * stages
}
