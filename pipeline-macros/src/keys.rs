//! The arguments of an attribute.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Error, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Path, Token, parse_quote};

use crate::model::Role;
use crate::policy::{self, Backoff, OnError};
use crate::time;

/// A key that was given, and where.
#[derive(Clone)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// What an attribute says. A number of zero was refused already.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) concurrency: Option<Given<usize>>,
    pub(crate) window: Option<Given<usize>>,
    pub(crate) buffer: Option<Given<usize>>,
    pub(crate) unordered: Option<Given<()>>,
    pub(crate) by_key: Option<Given<Expr>>,
    pub(crate) blocking: Option<Given<()>>,
    pub(crate) result_is_item: Option<Given<()>>,
    pub(crate) timeout: Option<Given<Duration>>,
    pub(crate) deadline: Option<Given<Duration>>,
    pub(crate) retry: Option<Given<u32>>,
    pub(crate) backoff: Option<Given<Backoff>>,
    pub(crate) retry_if: Option<Given<Expr>>,
    pub(crate) on_error: Option<Given<OnError>>,
    pub(crate) on_panic: Option<Given<OnError>>,
    pub(crate) init: Option<Given<Path>>,
    pub(crate) restart: Option<Given<Backoff>>,
    pub(crate) close: Option<Given<Path>>,
    pub(crate) close_within: Option<Given<Duration>>,
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) krate: Option<Given<Path>>,
}

const STAGE: &[Role] = &[Role::Stage];
const SOURCE: &[Role] = &[Role::Source];
const WORKERS: &[Role] = &[Role::Stage, Role::Sink];
const ALL: &[Role] = &[Role::Stage, Role::Sink, Role::Source];

/// Every key, and whose it is, in the order in which they are told.
const KEYS: &[(&str, &[Role])] = &[
    ("concurrency", WORKERS),
    ("unordered", STAGE),
    ("by_key", WORKERS),
    ("window", STAGE),
    ("buffer", WORKERS),
    ("restart", SOURCE),
    ("name", ALL),
    ("blocking", WORKERS),
    ("result_is_item", STAGE),
    ("timeout", WORKERS),
    ("deadline", WORKERS),
    ("retry", WORKERS),
    ("backoff", WORKERS),
    ("retry_if", WORKERS),
    ("on_error", WORKERS),
    ("on_panic", WORKERS),
    ("init", WORKERS),
    ("close", WORKERS),
    ("close_within", WORKERS),
    ("crate", ALL),
];

/// The keys of an attribute.
fn known(role: Role) -> Vec<&'static str> {
    KEYS.iter().filter(|(_, roles)| roles.contains(&role)).map(|(key, _)| *key).collect()
}

impl Keys {
    /// Reads the keys that `role` knows. Mistakes are added to `errors`; what is right is kept.
    pub(crate) fn parse(role: Role, tokens: TokenStream, errors: &mut Vec<Error>) -> Keys {
        let mut keys = Keys::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = keys.parse_one(role, input, errors) {
                    errors.push(error);
                    skip_to_comma(input)?;
                }
                if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                    errors.push(input.error("write a comma between two keys"));
                    skip_to_comma(input)?;
                    input.parse::<Option<Token![,]>>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        keys.check_together(errors);
        keys
    }

    /// Where taktline is.
    pub(crate) fn root(&self) -> Path {
        self.krate.as_ref().map_or_else(|| parse_quote!(::taktline), |given| given.value.clone())
    }

    fn parse_one(&mut self, role: Role, input: ParseStream<'_>, errors: &mut Vec<Error>) -> syn::Result<()> {
        let key = input
            .call(Ident::parse_any)
            .map_err(|error| Error::new(error.span(), "write a key, as in `name = \"fetch\"`"))?;
        let name = key.to_string();
        if !known(role).contains(&name.as_str()) {
            return Err(Error::new(key.span(), unknown(role, &name)));
        }
        match name.as_str() {
            "concurrency" => set(&mut self.concurrency, &key, number(input, &key)?, errors),
            "window" => set(&mut self.window, &key, number(input, &key)?, errors),
            "buffer" => set(&mut self.buffer, &key, number(input, &key)?, errors),
            "unordered" => set(&mut self.unordered, &key, flag(input, &key)?, errors),
            "by_key" => set(&mut self.by_key, &key, assigned(input, &key, "account")?, errors),
            "blocking" => set(&mut self.blocking, &key, flag(input, &key)?, errors),
            "result_is_item" => set(&mut self.result_is_item, &key, flag(input, &key)?, errors),
            "timeout" => set(&mut self.timeout, &key, time::assigned(input, &key)?, errors),
            "deadline" => set(&mut self.deadline, &key, time::assigned(input, &key)?, errors),
            "retry" => set(&mut self.retry, &key, attempts(input, &key)?, errors),
            "backoff" => set(&mut self.backoff, &key, policy::backoff(input, &key, errors)?, errors),
            "retry_if" => set(&mut self.retry_if, &key, assigned(input, &key, "is_transient")?, errors),
            "on_error" => set(&mut self.on_error, &key, policy::on_error(input, &key)?, errors),
            "on_panic" => set(&mut self.on_panic, &key, policy::on_error(input, &key)?, errors),
            "restart" => set(&mut self.restart, &key, policy::backoff(input, &key, errors)?, errors),
            "init" => set(&mut self.init, &key, hook(input, &key)?, errors),
            "close" => set(&mut self.close, &key, hook(input, &key)?, errors),
            "close_within" => set(&mut self.close_within, &key, time::assigned(input, &key)?, errors),
            "name" => set(&mut self.name, &key, text(input, &key)?, errors),
            _ => set(&mut self.krate, &key, path(input, &key)?, errors),
        }
        Ok(())
    }

    fn check_together(&self, errors: &mut Vec<Error>) {
        // One that was given and is wrong was told already.
        if self.retry.is_none() && errors.is_empty() {
            let backoff = self.backoff.as_ref().map(|given| ("backoff", given.span));
            let retry_if = self.retry_if.as_ref().map(|given| ("retry_if", given.span));
            errors.extend(backoff.into_iter().chain(retry_if).map(|(key, span)| {
                Error::new(span, format!("`{key}` says how to try again; add `retry = 3`, or take it away"))
            }));
        }
        if let (Some(by_key), true) = (&self.by_key, self.unordered.is_some()) {
            errors.push(Error::new(
                by_key.span,
                "`by_key` keeps the order of each key and this one is `unordered`; take one of the two away",
            ));
        }
        if let (Some(limit), None, true) = (&self.close_within, &self.close, errors.is_empty()) {
            let message = "`close_within` says how long `close` may take; add `close = flush`, or take it away";
            errors.push(Error::new(limit.span, message));
        }
        let Some(window) = &self.window else { return };
        if self.by_key.is_some() {
            errors.push(Error::new(
                window.span,
                "`window` bounds an ordered stage and this one keeps the order of each key only; take `window` or `by_key` away",
            ));
            return;
        }
        if self.unordered.is_some() {
            errors.push(Error::new(
                window.span,
                "`window` bounds an ordered stage and this one is `unordered`; take one of the two away",
            ));
            return;
        }
        let workers = self.concurrency.as_ref().map_or(1, |given| given.value);
        if window.value < workers {
            errors.push(Error::new(
                window.span,
                format!(
                    "a `window` of {} is below the `concurrency` of {workers}; write {workers} or more",
                    window.value
                ),
            ));
        }
    }
}

fn set<T>(slot: &mut Option<Given<T>>, key: &Ident, value: T, errors: &mut Vec<Error>) {
    if slot.is_some() {
        errors.push(Error::new(key.span(), format!("`{key}` is given twice; take one away")));
    }
    *slot = Some(Given { value, span: key.span() });
}

fn flag(input: ParseStream<'_>, key: &Ident) -> syn::Result<()> {
    if input.peek(Token![=]) {
        return Err(Error::new(key.span(), format!("`{key}` takes no value; write `{key}` alone, or take it away")));
    }
    Ok(())
}

pub(crate) fn assigned<T: Parse>(input: ParseStream<'_>, key: &Ident, example: &str) -> syn::Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(key.span(), format!("`{key}` needs a value; write `{key} = {example}`")));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// Where taktline is.
pub(crate) fn path(input: ParseStream<'_>, key: &Ident) -> syn::Result<Path> {
    match assigned(input, key, "other")? {
        Expr::Path(path) => Ok(path.path),
        other => Err(Error::new_spanned(other, "`crate` takes the path of a renamed taktline; write `crate = other`")),
    }
}

/// The function of a hook.
fn hook(input: ParseStream<'_>, key: &Ident) -> syn::Result<Path> {
    match assigned(input, key, "connect")? {
        Expr::Path(path) => Ok(path.path),
        other => Err(Error::new_spanned(
            other,
            format!(
                "`{key}` takes the name of an async function of the arguments behind the item; write `{key} = connect`"
            ),
        )),
    }
}

fn attempts(input: ParseStream<'_>, key: &Ident) -> syn::Result<u32> {
    let number = number(input, key)?;
    u32::try_from(number).map_err(|_| Error::new(key.span(), format!("`{key}` is out of range")))
}

fn number(input: ParseStream<'_>, key: &Ident) -> syn::Result<usize> {
    let value: Expr = assigned(input, key, "4")?;
    let say = |what: &str| Error::new_spanned(&value, format!("`{key}` {what}; write a number, as in `{key} = 4`"));
    let Expr::Lit(ExprLit { lit: Lit::Int(lit), .. }) = &value else {
        let message = format!("`{key}` takes a number here; one that is computed goes to the stage: `.{key}(n)`");
        return Err(Error::new_spanned(&value, message));
    };
    check_number(lit, key, &say)
}

fn check_number(lit: &LitInt, key: &Ident, say: &dyn Fn(&str) -> Error) -> syn::Result<usize> {
    match lit.suffix() {
        "" | "usize" => {}
        unit => return Err(say(&format!("is a number and has no unit `{unit}`"))),
    }
    match lit.base10_parse::<usize>() {
        Ok(0) => Err(Error::new(lit.span(), zero(key))),
        Ok(number) => Ok(number),
        Err(_) => Err(say("is out of range")),
    }
}

fn zero(key: &Ident) -> String {
    if key == "retry" {
        return "`retry` must be 1 or more: 0 is the default, so take it away".to_owned();
    }
    format!("`{key}` must be 1 or more: with 0 nothing would ever start")
}

fn text(input: ParseStream<'_>, key: &Ident) -> syn::Result<LitStr> {
    match assigned(input, key, "\"fetch\"")? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text),
        other => Err(Error::new_spanned(other, format!("`{key}` takes a text; write `{key} = \"fetch\"`"))),
    }
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

fn unknown(role: Role, name: &str) -> String {
    let known = known(role);
    if let Some(why) = not_here(role, name) {
        return format!("`{name}` is no key of `#[{}]`: {why}", role.name());
    }
    let meant = MEANT.iter().find(|(other, key)| *other == name && known.contains(key)).map(|(_, key)| key);
    let near = known.iter().map(|key| (distance(name, key), key)).min();
    let near = near.filter(|(far, key)| *far <= 1 + key.len() / 3).map(|(_, key)| key);
    let hint = meant.or(near).map(|key| format!("; did you mean `{key}`?")).unwrap_or_default();
    format!("`{name}` is no key of `#[{}]`{hint} (known: {})", role.name(), known.join(", "))
}

/// What other libraries call a key.
const MEANT: [(&str, &str); 9] = [
    ("workers", "concurrency"),
    ("parallelism", "concurrency"),
    ("threads", "concurrency"),
    ("capacity", "buffer"),
    ("queue", "buffer"),
    ("buffered", "concurrency"),
    ("retries", "retry"),
    ("attempts", "retry"),
    ("delay", "backoff"),
];

/// Why a key of a stage is none of a source or a sink.
fn not_here(role: Role, name: &str) -> Option<&'static str> {
    match (role, name) {
        (Role::Sink, "window" | "unordered") => Some("a sink has no outputs to keep in order; take it away"),
        (Role::Source, "concurrency") => Some("a source has one body; make several and `merge` them"),
        (Role::Source, "retry") => Some("it has no items to try again; `restart = 1s` runs its function again"),
        (Role::Source, "buffer") => Some("the edge behind it is set by what reads it, or by `.buffer(n)` on the flow"),
        _ => None,
    }
}

/// How many letters have to be changed, added or taken away (Levenshtein, 1965).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn mistakes(tokens: TokenStream) -> Vec<String> {
        let mut errors = Vec::new();
        Keys::parse(Role::Stage, tokens, &mut errors);
        errors.iter().map(Error::to_string).collect()
    }

    #[test]
    fn right_keys_are_kept() {
        let mut errors = Vec::new();
        let keys = Keys::parse(Role::Stage, quote!(concurrency = 4, unordered, buffer = 2, name = "x"), &mut errors);
        assert!(errors.is_empty());
        assert_eq!(keys.concurrency.map(|given| given.value), Some(4));
        assert!(keys.unordered.is_some());
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let told = mistakes(quote!(concurency = 4, buffer = 0, window = 2ms, name = 3, unordered = true));
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[0].contains("did you mean `concurrency`"), "{told:?}");
        assert!(told[1].contains("1 or more"), "{told:?}");
        assert!(told[2].contains("no unit `ms`"), "{told:?}");
    }

    #[test]
    fn keys_are_checked_against_each_other() {
        assert!(mistakes(quote!(concurrency = 4, window = 2))[0].contains("below the `concurrency`"));
        assert!(mistakes(quote!(unordered, window = 2))[0].contains("take one of the two away"));
        assert!(mistakes(quote!(buffer = 1, buffer = 2))[0].contains("given twice"));
        assert!(mistakes(quote!(unordered, by_key = f))[0].contains("take one of the two away"));
        assert!(mistakes(quote!(window = 2, by_key = f))[0].contains("take `window` or `by_key` away"));
        assert!(mistakes(quote!(concurrency = 2, by_key = |x| x.0, retry = 1)).is_empty());
        assert!(mistakes(quote!(close_within = 10s))[0].contains("add `close = flush`"));
        assert!(mistakes(quote!(close = flush, close_within = 10s)).is_empty());
    }

    #[test]
    fn a_missing_comma_does_not_hide_what_comes_behind() {
        let told = mistakes(quote!(concurrency = 4 unordered, bufer = 2));
        assert!(told[0].contains("comma") && told[1].contains("did you mean `buffer`"), "{told:?}");
        assert_eq!(told.len(), 2, "{told:?}");
    }

    #[test]
    fn names_of_other_libraries_are_understood() {
        assert!(mistakes(quote!(workers = 4))[0].contains("did you mean `concurrency`"));
        assert!(unknown(Role::Source, "capacity").ends_with("(known: restart, name, crate)"));
    }
}
