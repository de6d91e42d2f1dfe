//! Plain loops: no task, no queue.

use std::hint::black_box;

use crate::item::Item;

/// Four pairs of `map` and `filter`, as an iterator chain.
pub(crate) fn fused(items: u64) -> u64 {
    (0..items)
        .map(black_box)
        .map(|x| x + 1)
        .filter(|x| x % 3 != 0)
        .map(|x| x + 2)
        .filter(|x| x % 5 != 0)
        .map(|x| x + 3)
        .filter(|x| x % 7 != 0)
        .map(|x| x + 4)
        .filter(|x| x % 11 != 0)
        .sum()
}

/// The same with two counters a step: what came in, and what went on.
pub(crate) fn fused_and_counted(items: u64) -> u64 {
    let mut counts = [[0u64; 2]; 8];
    let mut sum = 0;
    'items: for x in 0..items {
        let mut x = black_box(x);
        for (pair, divisor) in [3, 5, 7, 11].into_iter().enumerate() {
            x += pair as u64 + 1;
            counts[2 * pair][0] += 1;
            counts[2 * pair][1] += 1;
            counts[2 * pair + 1][0] += 1;
            if x % divisor == 0 {
                continue 'items;
            }
            counts[2 * pair + 1][1] += 1;
        }
        sum += x;
    }
    black_box(counts);
    sum
}

/// Makes each item, two trivial stages, and drops it.
pub(crate) fn chain<T: Item>(items: u64, stages: u64) -> u64 {
    let mut sum = 0;
    for value in 0..items {
        let mut item = black_box(T::new(value));
        for _ in 0..stages {
            item = black_box(item.add_one());
        }
        sum += item.value();
    }
    sum
}

/// The work of each item, one after the other.
pub(crate) fn sequential(items: u64, work: fn(u64) -> u64) -> u64 {
    (0..items).map(work).sum()
}
