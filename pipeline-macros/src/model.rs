//! A function under an attribute, checked: which form it has, what its item is and what its configuration.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{
    Error, FnArg, GenericArgument, GenericParam, ItemFn, Pat, PatType, PathArguments, ReturnType, Token, Type,
    parse_quote, parse_quote_spanned,
};

use crate::keys::Keys;
use crate::policy::OnError;
use crate::types::{
    borrows, element, has_word, is_result, is_result_of_unit, is_static, is_unit, last_is, owned_form, uses_generics,
};

/// Which attribute it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source,
    Stage,
    Sink,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Source => "source",
            Role::Stage => "stage",
            Role::Sink => "sink",
        }
    }
}

/// What the signature says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Each,
    Many,
    Stream,
    Plain,
    Workers,
    Blocking,
    Generate,
}

/// An argument behind the item.
pub(crate) struct Config {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) how: How,
}

/// How a body is given a configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// `&T`: shared by all workers.
    Shared,
    /// `&mut T`: a state of its own for each worker.
    State,
    /// `T`: cloned for each call.
    Cloned,
}

pub(crate) struct Model {
    pub(crate) role: Role,
    pub(crate) form: Form,
    /// The function, with `In` and `Out` completed.
    pub(crate) function: ItemFn,
    pub(crate) item: Option<Type>,
    pub(crate) config: Vec<Config>,
    pub(crate) out: Option<Type>,
    pub(crate) ret: Type,
    /// Whether an `Err` of the return value fails the item.
    pub(crate) is_fallible: bool,
    /// Whether the return value is an item that must not be a hidden `Result`.
    pub(crate) is_probed: bool,
}

impl Model {
    /// Checks `function`. Mistakes are added to `errors`.
    pub(crate) fn check(role: Role, keys: &Keys, mut function: ItemFn, errors: &mut Vec<Error>) -> Option<Model> {
        check_signature(role, &function, errors);
        let is_async = function.sig.asyncness.is_some();
        let mut args = typed_args(role, &mut function.sig.inputs, errors);
        let out = take_out(role, &mut args, &function.sig.ident, errors);
        let input = take_input(role, &mut args, errors);
        let item = match role {
            Role::Source => None,
            _ if input.is_some() => input.clone(),
            _ => take_item(role, &mut args, &function.sig.ident, errors),
        };
        let config = args.into_iter().filter_map(|arg| config(arg, errors)).collect();
        let form = form(role, keys, is_async, (input.is_some(), out.as_ref()), &function, errors)?;
        check_keys(role, form, keys, errors);
        check_policies(role, form, keys, errors);
        let ret = match &function.sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        let is_fallible = is_result(&ret) && keys.result_is_item.is_none();
        check_return(role, form, &ret, keys, errors);
        let names_generic = uses_generics(&ret, &function);
        let is_probed = !is_result(&ret) && keys.result_is_item.is_none() && !is_unit(&ret) && !names_generic;
        Some(Model { role, form, function, item, config, out, ret, is_fallible, is_probed })
    }
}

fn check_signature(role: Role, function: &ItemFn, errors: &mut Vec<Error>) {
    let sig = &function.sig;
    let name = role.name();
    if let Some(token) = &sig.constness {
        errors.push(Error::new_spanned(token, format!("a {name} cannot be `const`; take the word away")));
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        errors
            .push(Error::new_spanned(token, format!("a {name} cannot be `unsafe`; put the unsafe part into a block")));
    }
    if let Some(abi) = &sig.abi {
        errors.push(Error::new_spanned(abi, format!("a {name} cannot be `extern`; take it away")));
    }
    if let Some(dots) = &sig.variadic {
        errors.push(Error::new_spanned(dots, format!("a {name} takes a fixed number of arguments")));
    }
    for param in &sig.generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            errors.push(Error::new_spanned(
                lifetime,
                format!("a {name} cannot borrow from its caller, whom its tasks outlive; take this away, and own what it stands for"),
            ));
        }
    }
    if role == Role::Source && sig.asyncness.is_none() {
        errors.push(Error::new_spanned(sig.fn_token, "a source awaits in `out.send(..)`; write `async fn`"));
    }
}

/// The arguments, without a `self`.
fn typed_args<'a>(
    role: Role,
    inputs: &'a mut Punctuated<FnArg, Token![,]>,
    errors: &mut Vec<Error>,
) -> Vec<&'a mut PatType> {
    let mut args = Vec::new();
    for arg in inputs {
        match arg {
            FnArg::Typed(arg) => args.push(arg),
            FnArg::Receiver(receiver) => {
                let name = role.name();
                let cure = match role {
                    Role::Source => "make it a free function and pass what it needs as an argument",
                    _ => {
                        "make it a free function and pass what it needs as an argument behind the item, as in `site: &Site`"
                    }
                };
                errors.push(Error::new_spanned(receiver, format!("a {name} has no `self`; {cure}")));
            }
        }
    }
    args
}

/// Takes the `Out` off the end, and completes it.
fn take_out(role: Role, args: &mut Vec<&mut PatType>, name: &Ident, errors: &mut Vec<Error>) -> Option<Type> {
    let last = args.len().checked_sub(1);
    let mut found = None;
    let mut at = 0;
    args.retain_mut(|arg| {
        let this = at;
        at += 1;
        let Some(yields) = port(arg, "Out", errors) else {
            return true;
        };
        if role == Role::Sink {
            errors.push(Error::new_spanned(&**arg, "a sink has no output; take `Out` away, or make it a `#[stage]`"));
        } else if found.is_some() || last != Some(this) {
            errors.push(Error::new_spanned(&**arg, "there is one `Out`, and it is the last argument"));
        }
        check_owned(&yields, "an output", errors);
        check_named(&yields, "an output has one type; write it down, or `Box<dyn Trait + Send>`", errors);
        complete(arg);
        found = Some(yields);
        false
    });
    if role == Role::Source && found.is_none() {
        let message = format!("a source sends its items: add a last argument, as in `{name}(.., out: Out<T>)`");
        errors.push(Error::new_spanned(name, message));
    }
    found
}

/// Takes an `In` off the front, and completes it.
fn take_input(role: Role, args: &mut Vec<&mut PatType>, errors: &mut Vec<Error>) -> Option<Type> {
    let mut found = None;
    let mut at = 0;
    args.retain_mut(|arg| {
        let this = at;
        at += 1;
        let Some(reads) = port(arg, "In", errors) else {
            return true;
        };
        if role == Role::Source {
            errors.push(Error::new_spanned(&**arg, "a source has no input; take `In` away, or make it a `#[stage]`"));
        } else if this != 0 {
            let message = "there is one `In`, and it is the first argument, instead of the item";
            errors.push(Error::new_spanned(&**arg, message));
        }
        check_owned(&reads, "an item", errors);
        check_named(&reads, "an item has one type; write a type, or a generic parameter", errors);
        complete(arg);
        found = Some(reads);
        false
    });
    found
}

/// What an `In` or an `Out` is of.
fn port(arg: &PatType, wrapper: &str, errors: &mut Vec<Error>) -> Option<Type> {
    let (ty, is_borrowed) = match &*arg.ty {
        Type::Reference(reference) => (&*reference.elem, true),
        ty => (ty, false),
    };
    let Type::Path(path) = ty else { return None };
    if !last_is(&path.path, wrapper) {
        return None;
    }
    if is_borrowed {
        errors.push(Error::new_spanned(&arg.ty, format!("take the `{wrapper}` itself, without `&mut`")));
    }
    element(ty, wrapper).or_else(|| {
        errors.push(Error::new_spanned(ty, format!("write what goes through it: `{wrapper}<T>`")));
        Some(parse_quote!(()))
    })
}

fn take_item(role: Role, args: &mut Vec<&mut PatType>, name: &Ident, errors: &mut Vec<Error>) -> Option<Type> {
    if args.is_empty() {
        errors.push(Error::new_spanned(
            name,
            format!("a {} takes an item: add a first argument, as in `{name}(item: T)`", role.name()),
        ));
        return None;
    }
    let item = args.remove(0);
    check_owned(&item.ty, "an item", errors);
    check_named(&item.ty, "an item has one type; write a type, or a generic parameter", errors);
    Some((*item.ty).clone())
}

fn config(arg: &mut PatType, errors: &mut Vec<Error>) -> Option<Config> {
    let (ty, how) = match &*arg.ty {
        Type::Reference(reference) if !is_static(reference) => {
            let how = if reference.mutability.is_some() { How::State } else { How::Shared };
            ((*reference.elem).clone(), how)
        }
        ty => (ty.clone(), How::Cloned),
    };
    check_owned(&ty, "a configuration", errors);
    check_named(&ty, "a stage is a value of one type; write a generic parameter, as in `<F: Fn(u64) -> u64>`", errors);
    let Pat::Ident(pat) = &*arg.pat else {
        errors.push(Error::new_spanned(&arg.pat, "give this argument a name; take it apart in the body"));
        return None;
    };
    Some(Config { name: pat.ident.clone(), ty, how })
}

/// Refuses a type that borrows: what moves between tasks outlives whom it would borrow from.
fn check_owned(ty: &Type, what: &str, errors: &mut Vec<Error>) {
    if borrows(ty.to_token_stream()) {
        let owned = match ty {
            Type::Reference(reference) => owned_form(&reference.elem),
            _ => "an owned type, as `String` for `&str`".to_owned(),
        };
        errors
            .push(Error::new_spanned(ty, format!("{what} cannot borrow, since it moves between tasks; write {owned}")));
    }
}

/// Refuses `impl Trait`, which is no name of a type.
fn check_named(ty: &Type, cure: &str, errors: &mut Vec<Error>) {
    if has_word(ty.to_token_stream(), &|word| word == "impl") {
        errors.push(Error::new_spanned(ty, cure));
    }
}

fn form(
    role: Role,
    keys: &Keys,
    is_async: bool,
    (has_input, out): (bool, Option<&Type>),
    function: &ItemFn,
    errors: &mut Vec<Error>,
) -> Option<Form> {
    if role == Role::Source {
        return Some(Form::Generate);
    }
    if let Some(blocking) = keys.blocking.as_ref().filter(|_| is_async) {
        errors.push(Error::new(blocking.span, "a `blocking` stage does not await; write `fn` instead of `async fn`"));
    }
    if !is_async && (has_input || out.is_some()) {
        errors.push(Error::new_spanned(
            function.sig.fn_token,
            "what reads an `In` or sends into an `Out` awaits; write `async fn`, or return an iterator to `flat_map`",
        ));
        return None;
    }
    if has_input && out.is_none() && role == Role::Stage {
        errors.push(Error::new_spanned(
            &function.sig.ident,
            "a stage that reads an `In` sends into an `Out`: add a last argument `out: Out<U>`, or make it a `#[sink]`",
        ));
        return None;
    }
    let has_workers = keys.concurrency.is_some() || keys.buffer.is_some();
    Some(match (is_async, has_input, out.is_some()) {
        (true, true, _) => Form::Stream,
        (true, false, true) => Form::Many,
        (true, false, false) => Form::Each,
        (false, ..) if keys.blocking.is_some() => Form::Blocking,
        (false, ..) if has_workers => Form::Workers,
        (false, ..) => Form::Plain,
    })
}

/// Keys that cannot work in the form.
fn check_keys(role: Role, form: Form, keys: &Keys, errors: &mut Vec<Error>) {
    let counts = [
        ("concurrency", keys.concurrency.as_ref().map(|given| given.span)),
        ("window", keys.window.as_ref().map(|given| given.span)),
        ("unordered", keys.unordered.as_ref().map(|given| given.span)),
        ("by_key", keys.by_key.as_ref().map(|given| given.span)),
    ];
    for (key, span) in counts.into_iter().filter_map(|(key, span)| Some((key, span?))) {
        match form {
            Form::Stream => errors.push(Error::new(
                span,
                format!("a {} that reads a stream has one worker, so `{key}` cannot work; take it away", role.name()),
            )),
            Form::Plain => errors.push(Error::new(
                span,
                format!("a plain fn is fused and has no workers, so `{key}` alone cannot work; add `concurrency = n`"),
            )),
            _ => {}
        }
    }
}

/// Policies that cannot work in the form.
fn check_policies(role: Role, form: Form, keys: &Keys, errors: &mut Vec<Error>) {
    let limits =
        [("timeout", keys.timeout.as_ref().map(|g| g.span)), ("deadline", keys.deadline.as_ref().map(|g| g.span))];
    let attempts = [
        ("retry", keys.retry.as_ref().map(|g| g.span)),
        ("backoff", keys.backoff.as_ref().map(|g| g.span)),
        ("retry_if", keys.retry_if.as_ref().map(|g| g.span)),
    ];
    let fates =
        [("on_error", keys.on_error.as_ref().map(|g| g.span)), ("on_panic", keys.on_panic.as_ref().map(|g| g.span))];
    let given = |keys: &[(&'static str, Option<Span>)]| -> Vec<(&'static str, Span)> {
        keys.iter().filter_map(|(key, span)| Some((*key, (*span)?))).collect()
    };
    let hooks = [("init", keys.init.as_ref().map(|g| g.span)), ("close", keys.close.as_ref().map(|g| g.span))];
    let name = role.name();
    if matches!(form, Form::Stream | Form::Plain) {
        errors.extend(given(&hooks).into_iter().map(|(key, span)| match form {
            Form::Stream => {
                Error::new(span, format!("a {name} that reads a stream has one body: do the work of `{key}` in it"))
            }
            _ => Error::new(
                span,
                format!("a plain fn is fused and has no workers, so `{key}` cannot work; add `concurrency = 1`"),
            ),
        }));
    }
    match form {
        Form::Each | Form::Many | Form::Generate => {}
        Form::Stream => {
            errors.extend(given(&[&limits[..], &attempts, &fates].concat()).into_iter().map(|(key, span)| {
                let message = format!(
                    "a {name} that reads a stream has one body for all items, so `{key}` cannot work; take it away"
                );
                Error::new(span, message)
            }))
        }
        Form::Plain | Form::Workers | Form::Blocking => {
            errors.extend(given(&limits).into_iter().map(|(key, span)| {
                let message =
                    format!("a plain fn cannot be stopped, so `{key}` cannot work; write `async fn`, or take it away");
                Error::new(span, message)
            }));
            if form == Form::Plain {
                let letters = [("on_error = dead_letter", &keys.on_error), ("on_panic = dead_letter", &keys.on_panic)];
                let letters = letters.map(|(key, fate)| {
                    let letter = fate.as_ref().filter(|given| given.value == OnError::DeadLetter);
                    (key, letter.map(|given| given.span))
                });
                let waiting = [&attempts[..], &letters].concat();
                errors.extend(given(&waiting).into_iter().map(|(key, span)| {
                    let message = format!("a plain fn is fused and cannot wait, so `{key}` cannot work; add `concurrency = 1` to give it a worker");
                    Error::new(span, message)
                }));
            }
        }
    }
}

fn check_return(role: Role, form: Form, ret: &Type, keys: &Keys, errors: &mut Vec<Error>) {
    let sends = matches!(form, Form::Many | Form::Stream | Form::Generate);
    if (sends || role == Role::Sink) && !is_unit(ret) && !is_result_of_unit(ret) {
        let message = if role == Role::Sink {
            "a sink returns nothing, or `Result<(), E>` under that name; to send a value on, make it a `#[stage]`"
        } else {
            "what has an `Out` sends its values into it, and returns nothing, or `Result<(), E>` under that name"
        };
        errors.push(Error::new_spanned(ret, message));
    } else {
        check_owned(ret, "an output", errors);
        check_named(ret, "an output has one type; write it down, or `Box<dyn Trait + Send>`", errors);
    }
    if let Some(given) = &keys.result_is_item {
        if sends || !is_result(ret) {
            errors
                .push(Error::new(given.span, "`result_is_item` is for a stage that returns a `Result`; take it away"));
        }
    }
}

/// Adds `'_` to the `In` or `Out`, and binds it `mut`.
pub(crate) fn complete(arg: &mut PatType) {
    if let Pat::Ident(pat) = &mut *arg.pat {
        pat.mutability.get_or_insert_with(Default::default);
    }
    if let Type::Reference(reference) = &*arg.ty {
        arg.ty = reference.elem.clone();
    }
    let Type::Path(path) = &mut *arg.ty else {
        return;
    };
    let Some(last) = path.path.segments.last_mut() else {
        return;
    };
    let span = last.ident.span();
    match &mut last.arguments {
        PathArguments::AngleBracketed(args) => {
            if !args.args.iter().any(|arg| matches!(arg, GenericArgument::Lifetime(_))) {
                args.args.insert(0, parse_quote!('_));
            }
        }
        none => *none = PathArguments::AngleBracketed(parse_quote_spanned!(span=> <'_>)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::TokenStream;
    use quote::quote;

    fn mistakes(role: Role, keys: TokenStream, function: ItemFn) -> Vec<String> {
        let mut errors = Vec::new();
        let keys = Keys::parse(role, keys, &mut errors);
        Model::check(role, &keys, function, &mut errors);
        errors.iter().map(Error::to_string).collect()
    }

    fn form_of(role: Role, keys: TokenStream, function: ItemFn) -> Form {
        let mut errors = Vec::new();
        let keys = Keys::parse(role, keys, &mut errors);
        let model = Model::check(role, &keys, function, &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        model.expect("a function without mistakes has a model").form
    }

    #[test]
    fn the_signature_says_the_form() {
        let stage = |keys, function| form_of(Role::Stage, keys, function);
        assert!(
            stage(
                quote!(),
                parse_quote!(
                    async fn f(x: u8) -> u8 {
                        x
                    }
                )
            ) == Form::Each
        );
        assert!(
            stage(
                quote!(),
                parse_quote!(
                    async fn f(x: u8, out: Out<u8>) {}
                )
            ) == Form::Many
        );
        assert!(
            stage(
                quote!(),
                parse_quote!(
                    async fn f(input: In<u8>, out: Out<u8>) {}
                )
            ) == Form::Stream
        );
        assert!(
            stage(
                quote!(),
                parse_quote!(
                    fn f(x: u8) -> u8 {
                        x
                    }
                )
            ) == Form::Plain
        );
        assert!(
            stage(
                quote!(concurrency = 2),
                parse_quote!(
                    fn f(x: u8) -> u8 {
                        x
                    }
                )
            ) == Form::Workers
        );
        assert!(
            stage(
                quote!(blocking),
                parse_quote!(
                    fn f(x: u8) -> u8 {
                        x
                    }
                )
            ) == Form::Blocking
        );
        assert!(
            form_of(
                Role::Source,
                quote!(),
                parse_quote!(
                    async fn f(n: u8, out: Out<u8>) {}
                )
            ) == Form::Generate
        );
    }

    #[test]
    fn all_mistakes_of_a_function_are_told_at_once() {
        let told = mistakes(
            Role::Stage,
            quote!(concurrency = 0, bufer = 2),
            parse_quote!(
                const async fn f(&self, out: Out<u8>, x: &str) {}
            ),
        );
        assert_eq!(told.len(), 6, "{told:#?}");
    }

    #[test]
    fn keys_that_cannot_work_are_refused() {
        let told = mistakes(
            Role::Stage,
            quote!(concurrency = 2),
            parse_quote!(
                async fn f(input: In<u8>, out: Out<u8>) {}
            ),
        );
        assert!(told[0].contains("one worker"), "{told:?}");
        let told = mistakes(
            Role::Stage,
            quote!(blocking),
            parse_quote!(
                async fn f(x: u8) {}
            ),
        );
        assert!(told[0].contains("does not await"), "{told:?}");
    }

    #[test]
    fn a_source_needs_an_out_and_a_stage_an_item() {
        assert!(
            mistakes(
                Role::Source,
                quote!(),
                parse_quote!(
                    async fn f(n: u8) {}
                )
            )[0]
            .contains("out: Out<T>")
        );
        assert!(
            mistakes(
                Role::Stage,
                quote!(),
                parse_quote!(
                    async fn f() {}
                )
            )[0]
            .contains("takes an item")
        );
    }
}
