//! Panics of an exploration are recorded instead of printed: thousands of them are on purpose.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use crate::executor::current;
use crate::trace::Note;

/// A panic, by what it said and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) message: String,
    pub(crate) place: String,
}

thread_local! {
    /// The last panic of this thread, while they are recorded.
    static LAST: RefCell<Option<Option<Recorded>>> = const { RefCell::new(None) };
}

/// The output of `f`, or the panic that came out of it. Others are recorded and forgotten.
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Recorded> {
    install();
    let outer = LAST.replace(Some(None));
    let output = catch_unwind(AssertUnwindSafe(f));
    let last = LAST.replace(outer).flatten();
    output.map_err(|payload| last.unwrap_or_else(|| resumed(&*payload)))
}

/// A panic that was caught and resumed, perhaps of another thread.
fn resumed(payload: &(dyn Any + Send)) -> Recorded {
    Recorded { message: text(payload), place: "somewhere else".to_owned() }
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a value that is no text".to_owned())
}

/// A hook that asks the former one where nothing is recorded.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !record(info) {
                former(info);
            }
        }));
    });
}

fn record(info: &PanicHookInfo<'_>) -> bool {
    let is_recording = LAST.with_borrow(Option::is_some);
    if is_recording {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let message = text(info.payload());
        if let Some(core) = current() {
            core.try_note(Note::Panic(format!("{} at {place}", message.lines().next().unwrap_or_default())));
        }
        LAST.set(Some(Some(Recorded { message, place })));
    }
    is_recording
}
