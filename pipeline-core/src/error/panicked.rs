//! A panic, as an error.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

/// A panic of a stage, as an error.
///
/// ```
/// use taktline::error::Panicked;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let error = iter([0u64]).map(|x| 1 / x).count().run().await.unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.stage(), Some("map"));
/// let panic = error.downcast_ref::<Panicked>().expect("it is a panic");
/// assert_eq!(panic.message(), "attempt to divide by zero");
/// # });
/// ```
#[derive(Debug)]
pub struct Panicked {
    message: String,
}

impl Panicked {
    pub(crate) fn new(panic: Box<dyn Any + Send>) -> Panicked {
        let message = match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => match panic.downcast::<&'static str>() {
                Ok(message) => (*message).to_owned(),
                Err(other) => {
                    // A payload may panic when it is dropped, and so may that panic's; there is nobody left to tell.
                    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(other)));
                    std::mem::forget(dropped);
                    "a value that is no text".to_owned()
                }
            },
        };
        Panicked { message }
    }

    /// What the panic said; where its payload is no text, a note of that.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)?;
        match cure(&self.message) {
            Some(cure) => write!(f, "; {cure}"),
            None => Ok(()),
        }
    }
}

impl StdError for Panicked {}

/// What to do about a panic that many users meet, and that does not say it itself.
fn cure(message: &str) -> Option<&'static str> {
    message.contains("there is no reactor running").then_some(
        "tokio's I/O and timers work on tokio: run on it, or wrap the future that uses them in `Compat` of the crate \
         `async-compat`",
    )
}
