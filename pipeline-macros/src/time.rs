//! Durations as literals: `250ms`, `2s`.

use std::time::Duration;

use syn::parse::ParseStream;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitInt};

use crate::keys;

/// The duration behind `key =`.
pub(crate) fn assigned(input: ParseStream<'_>, key: &Ident) -> syn::Result<Duration> {
    let value: Expr = keys::assigned(input, key, "250ms")?;
    duration(&value, key)
}

pub(crate) fn duration(value: &Expr, key: &Ident) -> syn::Result<Duration> {
    let Expr::Lit(ExprLit { lit: Lit::Int(lit), .. }) = value else {
        let message = format!(
            "`{key}` takes a time with a unit, as in `250ms` or `2s`; one that is computed goes to the stage: `.{key}(..)`"
        );
        return Err(Error::new_spanned(value, message));
    };
    let time = of_literal(lit, key)?;
    if time.is_zero() {
        return Err(Error::new(lit.span(), format!("`{key}` must be more than 0; take it away if there is none")));
    }
    Ok(time)
}

fn of_literal(lit: &LitInt, key: &Ident) -> syn::Result<Duration> {
    let say = |what: &str| Error::new(lit.span(), format!("`{key}` {what}, as in `250ms` or `2s`"));
    let number = lit.base10_parse::<u64>().map_err(|_| say("is out of range; write a shorter time"))?;
    let seconds = |unit: u64| number.checked_mul(unit).map(Duration::from_secs);
    let time = match lit.suffix() {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "min" => seconds(60),
        "h" => seconds(3600),
        "" => return Err(say("needs a unit: write `us`, `ms`, `s`, `min` or `h` behind the number")),
        unit => return Err(say(&format!("has no unit `{unit}`: write `us`, `ms`, `s`, `min` or `h`"))),
    };
    time.ok_or_else(|| say("is out of range; write a shorter time"))
}
