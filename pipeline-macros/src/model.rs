//! A function under an attribute, checked: which form it has, what its item is and what its configuration.

use proc_macro2::{Ident, Span};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, GenericArgument, GenericParam, ItemFn, Pat, PatType, Path, PathArguments, ReturnType, Token, Type,
    parse_quote,
};

use crate::keys::Keys;

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
        let mut args = typed_args(&mut function.sig.inputs, errors);
        let out = take_out(role, &mut args, errors);
        let input = take_input(role, &mut args, errors);
        let item = match role {
            Role::Source => None,
            _ if input.is_some() => input.clone(),
            _ => take_item(role, &mut args, &function.sig.ident, errors),
        };
        let config = args.into_iter().filter_map(|arg| config(arg, errors)).collect();
        let form = form(role, keys, is_async, (input.is_some(), out.as_ref()), &function, errors)?;
        check_keys(role, form, keys, errors);
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
        errors.push(Error::new(token.span(), format!("a {name} cannot be `const`; take the word away")));
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        errors.push(Error::new(token.span(), format!("a {name} cannot be `unsafe`; put the unsafe part into a block")));
    }
    if let Some(abi) = &sig.abi {
        errors.push(Error::new(abi.span(), format!("a {name} cannot be `extern`; take it away")));
    }
    if let Some(dots) = &sig.variadic {
        errors.push(Error::new(dots.span(), format!("a {name} takes a fixed number of arguments")));
    }
    for param in &sig.generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            errors.push(Error::new(
                lifetime.span(),
                format!("a {name} cannot borrow: its workers are tasks, which outlive the caller; take owned values or `Arc`"),
            ));
        }
    }
    if role == Role::Source && sig.asyncness.is_none() {
        errors.push(Error::new(sig.fn_token.span(), "a source awaits in `out.send(..)`; write `async fn`"));
    }
}

/// The arguments, without a `self`.
fn typed_args<'a>(inputs: &'a mut Punctuated<FnArg, Token![,]>, errors: &mut Vec<Error>) -> Vec<&'a mut PatType> {
    let mut args = Vec::new();
    for arg in inputs {
        match arg {
            FnArg::Typed(arg) => args.push(arg),
            FnArg::Receiver(receiver) => errors.push(Error::new(
                receiver.span(),
                "a stage is a free function and has no `self`; pass what it needs as an argument behind the item",
            )),
        }
    }
    args
}

/// Takes the `Out` off the end, and completes it.
fn take_out(role: Role, args: &mut Vec<&mut PatType>, errors: &mut Vec<Error>) -> Option<Type> {
    let last = args.len().checked_sub(1);
    let mut found = None;
    let mut at = 0;
    args.retain_mut(|arg| {
        let this = at;
        at += 1;
        let Some(yields) = element(&arg.ty, "Out") else {
            return true;
        };
        if role == Role::Sink {
            errors.push(Error::new(arg.span(), "a sink has no output; take `Out` away, or make it a `#[stage]`"));
        } else if found.is_some() || last != Some(this) {
            errors.push(Error::new(arg.span(), "there is one `Out`, and it is the last argument"));
        }
        complete(arg);
        found = Some(yields);
        false
    });
    if role == Role::Source && found.is_none() {
        let span = args.last().map_or_else(Span::call_site, |arg| arg.span());
        errors.push(Error::new(span, "a source sends its items: add a last argument `out: Out<T>`"));
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
        let Some(reads) = element(&arg.ty, "In") else {
            return true;
        };
        if role == Role::Source {
            errors.push(Error::new(arg.span(), "a source has no input; take `In` away, or make it a `#[stage]`"));
        } else if this != 0 {
            errors.push(Error::new(arg.span(), "there is one `In`, and it is the first argument"));
        }
        complete(arg);
        found = Some(reads);
        false
    });
    found
}

fn take_item(role: Role, args: &mut Vec<&mut PatType>, name: &Ident, errors: &mut Vec<Error>) -> Option<Type> {
    if args.is_empty() {
        errors.push(Error::new(
            name.span(),
            format!("a {} takes an item: add a first argument, as in `{name}(item: T)`", role.name()),
        ));
        return None;
    }
    let item = args.remove(0);
    match &*item.ty {
        Type::Reference(reference) if !is_static(reference) => {
            errors.push(Error::new(item.ty.span(), "an item is moved from stage to stage; take it by value"));
            Some((*reference.elem).clone())
        }
        Type::ImplTrait(_) => {
            errors.push(Error::new(item.ty.span(), "an item has one type; write a type, or a generic parameter"));
            None
        }
        ty => Some(ty.clone()),
    }
}

fn config(arg: &mut PatType, errors: &mut Vec<Error>) -> Option<Config> {
    let Pat::Ident(pat) = &*arg.pat else {
        errors.push(Error::new(arg.pat.span(), "give this argument a name; take it apart in the body"));
        return None;
    };
    let name = pat.ident.clone();
    let (ty, how) = match &*arg.ty {
        Type::Reference(reference) if !is_static(reference) => {
            let how = if reference.mutability.is_some() { How::State } else { How::Shared };
            ((*reference.elem).clone(), how)
        }
        Type::ImplTrait(_) => {
            errors
                .push(Error::new(arg.ty.span(), "a stage is a value of one type; write a generic parameter `<F: ..>`"));
            return None;
        }
        ty => (ty.clone(), How::Cloned),
    };
    Some(Config { name, ty, how })
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
        errors.push(Error::new(
            function.sig.fn_token.span(),
            "what reads an `In` or sends into an `Out` awaits; write `async fn`, or return an iterator to `flat_map`",
        ));
        return None;
    }
    if has_input && out.is_none() && role == Role::Stage {
        errors.push(Error::new(
            function.sig.ident.span(),
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

fn check_return(role: Role, form: Form, ret: &Type, keys: &Keys, errors: &mut Vec<Error>) {
    let sends = matches!(form, Form::Many | Form::Stream | Form::Generate);
    if (sends || role == Role::Sink) && !is_unit(ret) && !is_result(ret) {
        let message = if role == Role::Sink {
            "a sink returns nothing, or `Result<(), E>`"
        } else {
            "what sends its outputs returns nothing, or `Result<(), E>`"
        };
        errors.push(Error::new(ret.span(), message));
    }
    if let Some(given) = &keys.result_is_item {
        if sends || !is_result(ret) {
            errors
                .push(Error::new(given.span, "`result_is_item` is for a stage that returns a `Result`; take it away"));
        }
    }
}

/// `T` of a path that ends in `wrapper<T>`.
fn element(ty: &Type, wrapper: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == wrapper)?;
    let PathArguments::AngleBracketed(args) = &last.arguments else {
        return None;
    };
    args.args.iter().find_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

/// Whether it is an `In` or an `Out`.
pub(crate) fn is_port(ty: &Type) -> bool {
    element(ty, "In").or_else(|| element(ty, "Out")).is_some()
}

/// Adds `'_` to the `In` or `Out`, and binds it `mut`.
pub(crate) fn complete(arg: &mut PatType) {
    if let Pat::Ident(pat) = &mut *arg.pat {
        pat.mutability.get_or_insert_with(Default::default);
    }
    let Type::Path(path) = &mut *arg.ty else {
        return;
    };
    let Some(last) = path.path.segments.last_mut() else {
        return;
    };
    let PathArguments::AngleBracketed(args) = &mut last.arguments else {
        return;
    };
    if !args.args.iter().any(|arg| matches!(arg, GenericArgument::Lifetime(_))) {
        args.args.insert(0, parse_quote!('_));
    }
}

fn is_static(reference: &syn::TypeReference) -> bool {
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Any path that ends in `Result`.
fn is_result(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if last_is(&path.path, "Result"))
}

fn last_is(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// Whether a type parameter of the function is named in `ty`: such a type cannot be looked at outside of the function.
fn uses_generics(ty: &Type, function: &ItemFn) -> bool {
    let tokens = quote::quote!(#ty).to_string();
    let words: Vec<&str> = tokens.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    function.sig.generics.params.iter().any(|param| match param {
        GenericParam::Type(param) => words.contains(&param.ident.to_string().as_str()),
        GenericParam::Const(param) => words.contains(&param.ident.to_string().as_str()),
        GenericParam::Lifetime(_) => false,
    }) || matches!(ty, Type::ImplTrait(_))
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
