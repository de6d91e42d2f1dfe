//! What can go wrong, and sets of it.

use std::fmt;

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal,)*) => {
        /// What can go wrong in a simulated run.
        ///
        /// The runtime makes the first seven happen in any program. The others happen where the program asks: at the
        /// [fail points](crate::FailPoint) of its stages, sources and sinks, and in a run that the
        /// [case](crate::Case::run) watches over.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $fault,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Fault] = &[$(Fault::$fault),*];

            /// Its name, as `Display` prints it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Fault::$fault => $name,)*
                }
            }
        }
    };
}

faults! {
    /// A task is polled though nothing has woken it.
    SpuriousWake = "spurious wake",
    /// A task that was woken is polled only after others had several turns.
    DelayedWake = "delayed wake",
    /// A task that was woken once is polled twice.
    DuplicateWake = "duplicate wake",
    /// The clock goes on by more than it had to: timers fire late, and together.
    ClockJump = "clock jump",
    /// The runtime drops all its tasks at some step. The future that was given to it goes on, and finds them lost.
    Shutdown = "runtime shutdown",
    /// The future that was given to the runtime is dropped at some step, between two polls.
    DropRoot = "drop of the root",
    /// The run is dropped at some step, between two polls: see [`Case::run`](crate::Case::run).
    DropRun = "drop of the run",
    /// The run is cancelled at some step, between two polls: see [`Case::run`](crate::Case::run).
    Cancel = "cancel",
    /// The run is drained at some step, between two polls: see [`Case::run`](crate::Case::run).
    Drain = "drain",
    /// The run is paused at some step, between two polls, and resumed a while later: see [`Case::run`](crate::Case::run).
    Pause = "pause",
    /// A body returns an error.
    Error = "error",
    /// A body panics.
    Panic = "panic",
    /// What a body holds panics when it is dropped.
    DestructorPanic = "panic in a destructor",
    /// A worker is slow with some items.
    SlowWorker = "slow worker",
    /// A sink is slow with some items.
    ConsumerStall = "consumer stall",
    /// A source makes long pauses.
    SourceStall = "source stall",
    /// A source makes many items without a pause.
    SourceBurst = "source burst",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of faults: a menu from which each seed takes some.
///
/// ```
/// use taktline::sim::{Fault, Faults};
///
/// let menu = Faults::all().without(Fault::Shutdown);
/// assert!(menu.contains(Fault::Cancel) && !menu.contains(Fault::Shutdown));
/// assert!(Faults::default().contains(Fault::SpuriousWake));
/// assert_eq!(Faults::none().with(Fault::Error).to_string(), "error");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Faults(u32);

impl Faults {
    /// No fault.
    pub const fn none() -> Faults {
        Faults(0)
    }

    /// Every fault.
    pub const fn all() -> Faults {
        Faults((1 << Fault::ALL.len()) - 1)
    }

    /// With one more.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Faults {
        Faults(self.0 | 1 << fault as u32)
    }

    /// With one less.
    #[must_use]
    pub const fn without(self, fault: Fault) -> Faults {
        Faults(self.0 & !(1 << fault as u32))
    }

    /// Whether it is one of them.
    pub const fn contains(self, fault: Fault) -> bool {
        self.0 & 1 << fault as u32 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |fault| self.contains(*fault))
    }
}

/// What no program notices that does not ask for it: all but [`ClockJump`](Fault::ClockJump),
/// [`Shutdown`](Fault::Shutdown), [`DropRoot`](Fault::DropRoot), [`Pause`](Fault::Pause), which takes time, and
/// [`Drain`](Fault::Drain), after which a run ends well with fewer items.
impl Default for Faults {
    fn default() -> Faults {
        let noticed = [Fault::ClockJump, Fault::Shutdown, Fault::DropRoot, Fault::Pause, Fault::Drain];
        noticed.into_iter().fold(Faults::all(), Faults::without)
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Faults {
        faults.into_iter().fold(Faults::none(), Faults::with)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Fault::name).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
