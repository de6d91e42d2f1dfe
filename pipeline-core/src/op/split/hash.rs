//! A hash that is the same on every machine, in every process and in every version.

/// A key of a [`partition`](crate::flow::SplitExt::partition): what it feeds into the hash is the same everywhere.
///
/// Numbers are fed as their little-endian bytes, and `usize` and `isize` as 64 bits; text and slices as their length, as 64
/// bits, and their elements. std's `Hash` promises none of this.
///
/// ```
/// use taktline::op::{Fnv1a, StableHash};
///
/// #[derive(Clone, Copy)]
/// struct Account(u32);
///
/// impl StableHash for Account {
///     fn feed(&self, hash: &mut Fnv1a) {
///         self.0.feed(hash);
///     }
/// }
///
/// let mut hash = Fnv1a::new();
/// Account(7).feed(&mut hash);
/// assert_eq!(hash.value(), 0x6d35_7266_9b2c_de42);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key of a partition",
    note = "a key is a number, a `bool`, a `char`, text, a tuple, a slice, or an `Option` of those: take a field of the item that is one",
    note = "or implement `StableHash` for it"
)]
pub trait StableHash {
    /// Feeds the key into the hash.
    fn feed(&self, hash: &mut Fnv1a);
}

/// The 64-bit hash FNV-1a.
///
/// ```
/// use taktline::op::Fnv1a;
///
/// let mut hash = Fnv1a::new();
/// assert_eq!(hash.value(), 0xcbf2_9ce4_8422_2325);
/// hash.bytes(b"foobar");
/// assert_eq!(hash.value(), 0x8594_4171_f739_67e8);
/// ```
#[derive(Clone, Debug)]
pub struct Fnv1a(u64);

impl Fnv1a {
    /// A hash that was fed nothing.
    #[expect(clippy::new_without_default, reason = "nothing asks for a default hash")]
    pub fn new() -> Fnv1a {
        Fnv1a(0xcbf2_9ce4_8422_2325)
    }

    /// Feeds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The hash of what it was fed.
    pub fn value(&self) -> u64 {
        self.0
    }
}

/// Which of `n` branches a key belongs to. The low bits of FNV-1a depend only on the low bits of the bytes, so they are
/// mixed with the high ones, by the finalizer of MurmurHash3, before the remainder is taken.
pub(super) fn bucket(key: &impl StableHash, n: usize) -> usize {
    let mut hash = Fnv1a::new();
    key.feed(&mut hash);
    let mut mixed = hash.value();
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
    }
    mixed ^= mixed >> 33;
    usize::try_from(mixed % n as u64).expect("it is less than n")
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl StableHash for $number {
            fn feed(&self, hash: &mut Fnv1a) {
                hash.bytes(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

impl StableHash for usize {
    fn feed(&self, hash: &mut Fnv1a) {
        (*self as u64).feed(hash);
    }
}

impl StableHash for isize {
    fn feed(&self, hash: &mut Fnv1a) {
        (*self as i64).feed(hash);
    }
}

impl StableHash for bool {
    fn feed(&self, hash: &mut Fnv1a) {
        u8::from(*self).feed(hash);
    }
}

impl StableHash for char {
    fn feed(&self, hash: &mut Fnv1a) {
        u32::from(*self).feed(hash);
    }
}

impl StableHash for str {
    fn feed(&self, hash: &mut Fnv1a) {
        self.as_bytes().feed(hash);
    }
}

impl StableHash for String {
    fn feed(&self, hash: &mut Fnv1a) {
        self.as_str().feed(hash);
    }
}

impl<T: StableHash> StableHash for [T] {
    fn feed(&self, hash: &mut Fnv1a) {
        self.len().feed(hash);
        self.iter().for_each(|element| element.feed(hash));
    }
}

impl<T: StableHash> StableHash for Vec<T> {
    fn feed(&self, hash: &mut Fnv1a) {
        self.as_slice().feed(hash);
    }
}

impl<T: StableHash, const N: usize> StableHash for [T; N] {
    fn feed(&self, hash: &mut Fnv1a) {
        self.as_slice().feed(hash);
    }
}

impl<T: StableHash> StableHash for Option<T> {
    fn feed(&self, hash: &mut Fnv1a) {
        self.is_some().feed(hash);
        self.iter().for_each(|value| value.feed(hash));
    }
}

impl<T: StableHash + ?Sized> StableHash for &T {
    fn feed(&self, hash: &mut Fnv1a) {
        (**self).feed(hash);
    }
}

macro_rules! tuples {
    ($($name:ident $field:tt),+) => {
        impl<$($name: StableHash),+> StableHash for ($($name,)+) {
            fn feed(&self, hash: &mut Fnv1a) {
                $(self.$field.feed(hash);)+
            }
        }
    };
}

tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: impl StableHash) -> u64 {
        let mut hash = Fnv1a::new();
        key.feed(&mut hash);
        hash.value()
    }

    /// From the published test vectors of FNV-1a.
    #[test]
    fn bytes_hash_to_the_published_values() {
        let known = [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("b", 0xaf63_df4c_8601_f1a5),
            ("foobar", 0x8594_4171_f739_67e8),
        ];
        for (text, value) in known {
            let mut hash = Fnv1a::new();
            hash.bytes(text.as_bytes());
            assert_eq!(hash.value(), value, "{text}");
        }
    }

    /// Changing one of these moves keys of running systems to other branches.
    #[test]
    fn keys_hash_to_the_values_they_always_had() {
        let known = [
            (hash(7u8), 0xaf63_ba4c_8601_b2c6),
            (hash(7u64), 0x4bd7_a317_074c_5b62),
            (hash(7usize), 0x4bd7_a317_074c_5b62),
            (hash(-1i32), 0x994f_7665_3e2a_3951),
            (hash(true), 0xaf63_bc4c_8601_b62c),
            (hash('x'), 0x4bfb_1852_798f_53ad),
            (hash("key"), 0xf788_c6d2_7122_af3d),
            (hash(String::from("key")), 0xf788_c6d2_7122_af3d),
            (hash([1u16, 2]), 0x9eed_4012_7c71_5314),
            (hash(Some(1u16)), 0xd0a6_fd18_672a_1435),
            (hash(None::<u16>), 0xaf63_bd4c_8601_b7df),
            (hash((1u8, "a")), 0xe498_1b26_3241_8b44),
        ];
        known.into_iter().for_each(|(hash, value)| assert_eq!(hash, value));
        let buckets: Vec<_> = (0..16u64).map(|key| bucket(&key, 4)).collect();
        assert_eq!(buckets, [2, 2, 2, 2, 1, 3, 2, 1, 0, 3, 0, 1, 1, 3, 3, 0]);
    }

    #[test]
    fn keys_that_differ_by_a_multiple_of_the_branches_are_spread() {
        let mut counts = [0; 8];
        (0..8000u64).for_each(|key| counts[bucket(&(key * 8), 8)] += 1);
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
