//! The keys that say what happens when an item fails.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::{Error, Expr, ExprAssign, ExprCall, ExprPath, Ident};

use crate::keys::{self, Keys};
use crate::time;

/// What becomes of an item that has failed for good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    Fail,
    Skip,
    DeadLetter,
}

/// How long to wait before a further attempt.
#[derive(Clone, Copy)]
pub(crate) struct Backoff {
    doubles: bool,
    first: Duration,
    cap: Option<Duration>,
    jitters: bool,
}

pub(crate) fn on_error(input: ParseStream<'_>, key: &Ident) -> syn::Result<OnError> {
    let value: Expr = keys::assigned(input, key, "skip")?;
    match word(&value).map(ToString::to_string).as_deref() {
        Some("fail") => Ok(OnError::Fail),
        Some("skip") => Ok(OnError::Skip),
        Some("dead_letter") => Ok(OnError::DeadLetter),
        _ => {
            let message = format!("`{key}` is `fail`, the default, `skip` or `dead_letter`; write `{key} = skip`");
            Err(Error::new_spanned(value, message))
        }
    }
}

/// `1s`, `constant(1s, jitter)`, `exponential(100ms, cap = 10s, jitter)`.
pub(crate) fn backoff(input: ParseStream<'_>, key: &Ident, errors: &mut Vec<Error>) -> syn::Result<Backoff> {
    let value: Expr = keys::assigned(input, key, "1s")?;
    let Expr::Call(ExprCall { func, args, .. }) = &value else {
        return Ok(Backoff { doubles: false, first: time::duration(&value, key)?, cap: None, jitters: false });
    };
    let doubles = match word(func).map(ToString::to_string).as_deref() {
        Some("constant") => false,
        Some("exponential") => true,
        _ => {
            let message = format!(
                "`{key}` takes a time, `constant(..)` or `exponential(..)`; write `{key} = exponential(100ms, cap = 10s)`"
            );
            return Err(Error::new_spanned(func, message));
        }
    };
    let mut args = args.iter();
    let Some(first) = args.next() else {
        return Err(Error::new_spanned(&value, "a wait begins with a time; write `exponential(100ms)`"));
    };
    let mut backoff = Backoff { doubles, first: time::duration(first, key)?, cap: None, jitters: false };
    for arg in args {
        if let Err(error) = backoff.set(arg, key) {
            errors.push(error);
        }
    }
    Ok(backoff)
}

impl Backoff {
    /// One of the words behind the first time.
    fn set(&mut self, arg: &Expr, key: &Ident) -> syn::Result<()> {
        match arg {
            Expr::Assign(ExprAssign { left, right, .. }) if word(left).is_some_and(|word| word == "cap") => {
                self.cap = Some(time::duration(right, key)?);
            }
            other if word(other).is_some_and(|word| word == "jitter") => self.jitters = true,
            other => {
                return Err(Error::new_spanned(other, "behind its first time a wait knows `cap = 10s` and `jitter`"));
            }
        }
        Ok(())
    }

    fn tokens(self, k: &TokenStream) -> TokenStream {
        let make = if self.doubles { quote!(exponential) } else { quote!(constant) };
        let first = tokens_of(self.first);
        let cap = self.cap.map(tokens_of).map(|cap| quote!(.cap(#cap)));
        let jitter = self.jitters.then(|| quote!(.jitter()));
        quote!(#k::Backoff::#make(#first) #cap #jitter)
    }
}

/// The setters that the keys stand for; nothing, if there are none.
pub(crate) fn settings(keys: &Keys, k: &TokenStream) -> TokenStream {
    let timeout = keys.timeout.as_ref().map(|given| tokens_of(given.value)).map(|time| quote!(.timeout(#time)));
    let deadline = keys.deadline.as_ref().map(|given| tokens_of(given.value)).map(|time| quote!(.deadline(#time)));
    // At the key, so that an item that cannot be cloned is told there.
    let retry = keys.retry.as_ref().map(|given| {
        let (attempts, span) = (given.value, Span::call_site().located_at(given.span));
        quote_spanned!(span=> .retry(#attempts))
    });
    let backoff = keys.backoff.as_ref().map(|given| given.value.tokens(k)).map(|backoff| quote!(.backoff(#backoff)));
    let retry_if = keys.retry_if.as_ref().map(|given| &given.value).map(|f| quote!(.retry_if(#f)));
    let fate = |on_error: OnError| match on_error {
        OnError::Fail => quote!(#k::OnError::Fail),
        OnError::Skip => quote!(#k::OnError::Skip),
        OnError::DeadLetter => quote!(#k::OnError::DeadLetter),
    };
    let on_error = keys.on_error.as_ref().map(|given| fate(given.value)).map(|fate| quote!(.on_error(#fate)));
    let on_panic = keys.on_panic.as_ref().map(|given| fate(given.value)).map(|fate| quote!(.on_panic(#fate)));
    let restart = keys.restart.as_ref().map(|given| given.value.tokens(k)).map(|backoff| quote!(.restart(#backoff)));
    quote!(#restart #timeout #deadline #retry #backoff #retry_if #on_error #on_panic)
}

pub(crate) fn tokens_of(time: Duration) -> TokenStream {
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

/// A name that stands alone.
fn word(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(ExprPath { path, .. }) => path.get_ident(),
        _ => None,
    }
}
