//! Programs that go on and on, and get nowhere: tasks that wake each other while no time passes, or that ask again after
//! each sleep for what never comes.
//!
//! The polls are cut into windows. A window is idle if no item has moved in it, no task was made or has ended, and
//!
//! - no timer has fired, so no time has passed; or
//! - a pipeline waits, and every timer that is left was set in the window: nobody waits for a time that is still to come.
//!
//! Where no pipeline is seen to run, only a window of full length tells.

/// Polls of a window.
const WINDOW: u64 = 1_000_000;

/// A program that may take only so many polls has at least so many windows.
const WINDOWS_MIN: u64 = 10;

#[derive(Debug, Default)]
pub(crate) struct Spin {
    length: u64,
    /// The step at which the window ends.
    end: u64,
    /// What had moved when it began.
    moved: u64,
    /// The number of the last timer that was set before it.
    timer: u64,
    has_fired: bool,
    has_changed: bool,
}

impl Spin {
    pub(crate) fn new(polls_max: u64) -> Spin {
        let length = WINDOW.min(polls_max / WINDOWS_MIN).max(1);
        // What tasks did before the first window is as good as something that has changed.
        Spin { length, end: length, has_changed: true, ..Spin::default() }
    }

    pub(crate) fn timer_fires(&mut self) {
        self.has_fired = true;
    }

    /// A task was made, or has ended.
    pub(crate) fn task_changes(&mut self) {
        self.has_changed = true;
    }

    pub(crate) fn is_due(&self, step: u64) -> bool {
        step >= self.end
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// A window has ended, and the next one begins. Says whether it was idle.
    pub(crate) fn next(&mut self, now: &Look) -> bool {
        let is_timeless = !self.has_fired;
        let asks_again = now.is_waited && now.oldest_timer.is_none_or(|timer| timer > self.timer);
        let is_telling = now.is_waited || self.length == WINDOW;
        let is_idle = !self.has_changed && self.moved == now.moved && (is_timeless || asks_again) && is_telling;
        let end = now.step + self.length;
        *self = Spin { end, moved: now.moved, timer: now.last_timer, length: self.length, ..Spin::default() };
        is_idle
    }
}

/// What is seen at the end of a window.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) step: u64,
    /// Steps of items, by the ledgers.
    pub(crate) moved: u64,
    /// Whether a pipeline runs.
    pub(crate) is_waited: bool,
    /// The numbers of the oldest timer that is left, and of the last one that was set.
    pub(crate) oldest_timer: Option<u64>,
    pub(crate) last_timer: u64,
}
