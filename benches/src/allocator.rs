//! The allocator of the process: the system's, with counters that are off while time is measured.

#![expect(unsafe_code, reason = "`GlobalAlloc` is an unsafe trait, and there is no other way to count allocations")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// Allocated less freed while counting was on: negative where more is freed of what was there before.
static HELD_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);

struct Counting;

/// What was allocated while something ran, on all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) allocations: u64,
    /// Most bytes that were held at once, on top of those that were held before.
    pub(crate) peak_bytes: u64,
}

/// Counts what is allocated while `f` runs, which may count a part of it apart.
pub(crate) fn counted<R>(f: impl FnOnce() -> R) -> (R, Usage) {
    let was_counting = IS_COUNTING.swap(true, Relaxed);
    let (allocations, held) = (ALLOCATIONS.load(Relaxed), HELD_BYTES.load(Relaxed));
    let outer_peak = PEAK_BYTES.swap(held, Relaxed);
    let value = f();
    IS_COUNTING.store(was_counting, Relaxed);
    let peak = PEAK_BYTES.fetch_max(outer_peak, Relaxed);
    let peak_bytes = u64::try_from(peak - held).unwrap_or_default();
    (value, Usage { allocations: ALLOCATIONS.load(Relaxed) - allocations, peak_bytes })
}

fn grown(layout: Layout) {
    if IS_COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(1, Relaxed);
        let size = layout.size() as i64;
        let held = HELD_BYTES.fetch_add(size, Relaxed) + size;
        PEAK_BYTES.fetch_max(held, Relaxed);
    }
}

fn freed(layout: Layout) {
    if IS_COUNTING.load(Relaxed) {
        HELD_BYTES.fetch_sub(layout.size() as i64, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator with the same arguments, and its answer is handed back as it is. The
// counters are atomics: they neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is that of the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        freed(layout);
        if let Ok(new) = Layout::from_size_align(size, layout.align()) {
            grown(new);
        }
        // SAFETY: `block` came from the system's allocator by one of these methods, with `layout`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        freed(layout);
        // SAFETY: `block` came from the system's allocator by one of these methods, with `layout`.
        unsafe { System.dealloc(block, layout) }
    }
}
