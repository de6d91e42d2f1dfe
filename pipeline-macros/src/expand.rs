//! The code of a source, a stage or a sink.
//!
//! What is generated has the context of the attribute, so that no lint looks at it, and the place of the user's code that
//! it stands for, so that the compiler's errors point there.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, GenericArgument, GenericParam, Generics, Item, ItemFn, Path, Type, Visibility,
    WherePredicate,
};
use syn::{parse_quote_spanned, parse2};

use crate::keys::Keys;
use crate::model::{Config, Form, How, Model, Role, complete};
use crate::policy;
use crate::types::{has_word, is_port, type_args};

pub(crate) fn function(role: Role, keys: TokenStream, item: TokenStream) -> TokenStream {
    let function = match parse_function(role.name(), item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#error #item);
        }
    };
    let mut errors = Vec::new();
    let keys = Keys::parse(role, keys, &mut errors);
    let model = Model::check(role, &keys, function.clone(), &mut errors);
    match (model, errors.into_iter().reduce(combine)) {
        (Some(model), None) => expand(&model, &keys),
        // The user's function is kept, so that editors know it.
        (_, error) => {
            let error = error.map(|error| error.to_compile_error());
            let function = completed(function);
            quote!(#error #[allow(unused, clippy::all)] #function)
        }
    }
}

/// Reads the function under `attribute`, or says what was annotated instead.
pub(crate) fn parse_function(attribute: &str, item: TokenStream) -> syn::Result<ItemFn> {
    let error = match parse2::<ItemFn>(item.clone()) {
        Ok(function) => return Ok(function),
        Err(error) => error,
    };
    let found = match parse2::<Item>(item) {
        Ok(Item::Struct(_)) => "a struct",
        Ok(Item::Enum(_)) => "an enum",
        Ok(Item::Impl(_)) => "an impl block",
        Ok(Item::Trait(_)) => "a trait",
        Ok(Item::Mod(_)) => "a module",
        Ok(Item::Const(_) | Item::Static(_)) => "a value",
        Ok(Item::Verbatim(_)) | Err(_) => {
            return Err(Error::new(error.span(), format!("`#[{attribute}]` needs a function with a body")));
        }
        Ok(_) => "none",
    };
    Err(Error::new(Span::call_site(), format!("`#[{attribute}]` annotates a free function, and this is {found}")))
}

/// The function with its `In` and `Out` completed, so that the compiler adds no mistake of its own.
fn completed(mut function: ItemFn) -> ItemFn {
    for arg in &mut function.sig.inputs {
        if let FnArg::Typed(arg) = arg {
            if is_port(&arg.ty) {
                complete(arg);
            }
        }
    }
    function
}

fn combine(mut all: Error, error: Error) -> Error {
    all.combine(error);
    all
}

/// The place of the user's code, in the context of the attribute.
fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The path to what generated code needs, with errors told at `span`.
fn private(root: &Path, span: Span) -> TokenStream {
    let root = quote!(#root).into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    quote_spanned!(span=> #(#root)*::__private)
}

/// The generics, with what every type parameter needs: it moves between tasks with the items and the configuration.
/// The bounds are added where the parameter has its own.
fn movable(generics: &Generics, span: Span) -> Generics {
    let mut generics = generics.clone();
    let Generics { params, where_clause, .. } = &mut generics;
    for param in params.iter_mut() {
        let GenericParam::Type(param) = param else { continue };
        let name = &param.ident;
        let in_where = where_clause.iter_mut().flat_map(|clause| &mut clause.predicates).find_map(|one| match one {
            WherePredicate::Type(one) if matches!(&one.bounded_ty, Type::Path(ty) if ty.path.is_ident(name)) => {
                Some(&mut one.bounds)
            }
            _ => None,
        });
        let bounds = in_where.filter(|_| param.bounds.is_empty()).unwrap_or(&mut param.bounds);
        bounds.push(parse_quote_spanned!(span=> ::core::marker::Send));
        bounds.push(parse_quote_spanned!(span=> 'static));
    }
    generics
}

fn expand(model: &Model, keys: &Keys) -> TokenStream {
    let Model { function, config, .. } = model;
    let name = &function.sig.ident;
    let span = at(name.span());
    let k = private(&keys.root(), span);
    let text = name.unraw().to_string();
    let body = Ident::new(&format!("__taktline_{text}"), span);
    let generics = movable(&function.sig.generics, span);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let Attrs { on_constructor, on_both } = Attrs::of(function);
    let (vis, fn_token) = (&function.vis, &function.sig.fn_token);
    let names: Vec<&Ident> = config.iter().map(|one| &one.name).collect();
    let fields = config.iter().map(field_type);
    let marked = generics.type_params().map(|param| &param.ident);
    let params = config.iter().map(|one| parameter(one, &k, span));
    let values = config.iter().map(|one| value(one, &k));
    let clones = config.iter().map(|one| clone_of(one, &k));
    let value_type = value_type(model);
    let text = keys.name.as_ref().map_or(text, |given| given.value.value());
    let policies = policy::settings(keys, &k);
    let settings = settings(keys);
    let policies_type = match &model.item {
        Some(item) if !policies.is_empty() => quote!(, #k::Policies<#item>),
        _ if keys.by_key.is_some() => quote!(, ()),
        _ => TokenStream::new(),
    };
    let by_key = by_key(model, keys, &k);
    let keys_type = match &model.item {
        Some(item) if keys.by_key.is_some() => Some(quote!(, #k::ByKey<fn(&#item) -> u64, u64>)),
        _ => None,
    };
    let form = form_impl(model, keys, &body, &generics);
    let probe = probe(model, &keys.root());
    let mut make = Group::new(
        Delimiter::Brace,
        quote_spanned! {span=>
            #k::#value_type::new(
                #text,
                #body { #(#names: #values,)* __types: ::core::marker::PhantomData },
            ) #settings #policies #by_key
        },
    );
    // Lints of a name, such as that it is never used, pass by an item that does not begin and end in the user's context.
    make.set_span(name.span());
    quote_spanned! {span=>
        #[doc(hidden)]
        #vis struct #body #impl_generics #where_clause {
            #(#names: #fields,)*
            __types: ::core::marker::PhantomData<fn() -> (#(#marked,)*)>,
        }

        impl #impl_generics ::core::clone::Clone for #body #ty_generics #where_clause {
            fn clone(&self) -> Self {
                #body { #(#names: #clones,)* __types: ::core::marker::PhantomData }
            }
        }

        #form

        #probe

        #(#on_constructor)*
        #(#on_both)*
        #vis #fn_token #name #impl_generics (#(#params),*) -> #k::#value_type<#body #ty_generics #policies_type #keys_type> #where_clause #make
    }
}

/// The attributes of the function that do not stay on the nested one alone.
struct Attrs<'a> {
    on_constructor: Vec<&'a Attribute>,
    on_both: Vec<&'a Attribute>,
}

impl<'a> Attrs<'a> {
    fn of(function: &'a ItemFn) -> Attrs<'a> {
        let mut attrs = Attrs { on_constructor: Vec::new(), on_both: Vec::new() };
        for attr in &function.attrs {
            if is_about_name(attr) {
                attrs.on_constructor.push(attr);
            } else if is_lint(attr, &["allow", "warn", "deny", "forbid"], &[])
                || is_lint(attr, &["expect"], &["non_snake_case"])
            {
                attrs.on_both.push(attr);
            }
        }
        attrs
    }
}

/// Whether the attribute speaks of the name, which is the constructor's, and not of the body.
fn is_about_name(attr: &Attribute) -> bool {
    ["doc", "deprecated", "must_use"].iter().any(|name| attr.path().is_ident(name))
        || is_lint(attr, &["expect"], &["dead_code", "missing_docs", "unreachable_pub"])
}

/// Whether the attribute sets one of the lints, any if none is named, to one of the levels.
fn is_lint(attr: &Attribute, levels: &[&str], lints: &[&str]) -> bool {
    levels.iter().any(|level| attr.path().is_ident(level))
        && (lints.is_empty() || has_word(attr.meta.to_token_stream(), &|word| lints.iter().any(|lint| word == lint)))
}

fn field_type(Config { ty, how, .. }: &Config) -> TokenStream {
    match how {
        How::Shared => quote!(::std::sync::Arc<#ty>),
        How::State | How::Cloned => quote!(#ty),
    }
}

fn parameter(Config { name, ty, how }: &Config, k: &TokenStream, span: Span) -> TokenStream {
    match how {
        How::Shared => quote_spanned!(span=> #name: impl #k::IntoShared<#ty>),
        How::State | How::Cloned => quote!(#name: #ty),
    }
}

fn value(Config { name, how, .. }: &Config, k: &TokenStream) -> TokenStream {
    match how {
        How::Shared => quote!(#k::IntoShared::into_shared(#name)),
        How::State | How::Cloned => quote!(#name),
    }
}

/// Spanned at the type, so that one that cannot be cloned is named where the user wrote it.
fn clone_of(Config { name, ty, how }: &Config, k: &TokenStream) -> TokenStream {
    match how {
        How::Shared => quote!(::core::clone::Clone::clone(&self.#name)),
        How::State | How::Cloned => {
            let span = at(ty.span());
            let mut field = name.clone();
            field.set_span(span);
            quote_spanned!(span=> #k::PerWorker::of(&self.#field))
        }
    }
}

fn argument(config: &Config, k: &TokenStream) -> TokenStream {
    let name = &config.name;
    match config.how {
        How::Shared => quote!(&self.#name),
        How::State => quote!(&mut self.#name),
        How::Cloned => clone_of(config, k),
    }
}

fn value_type(model: &Model) -> Ident {
    let name = match (model.role, model.form) {
        (Role::Source, _) => "Generator",
        (Role::Stage, Form::Each) => "EachStage",
        (Role::Stage, Form::Many) => "ManyStage",
        (Role::Stage, Form::Stream) => "StreamStage",
        (Role::Stage, Form::Workers) => "WorkersStage",
        (Role::Stage, Form::Blocking) => "BlockingStage",
        (Role::Stage, _) => "PlainStage",
        (Role::Sink, Form::Each | Form::Many) => "EachSink",
        (Role::Sink, Form::Stream) => "StreamSink",
        (Role::Sink, Form::Workers) => "WorkersSink",
        (Role::Sink, Form::Blocking) => "BlockingSink",
        (Role::Sink, _) => "PlainSink",
    };
    format_ident!("{name}")
}

fn settings(keys: &Keys) -> TokenStream {
    let concurrency = keys.concurrency.as_ref().map(|given| given.value).map(|n| quote!(.concurrency(#n)));
    let window = keys.window.as_ref().map(|given| given.value).map(|n| quote!(.window(#n)));
    let buffer = keys.buffer.as_ref().map(|given| given.value).map(|n| quote!(.buffer(#n)));
    let unordered = keys.unordered.as_ref().map(|_| quote!(.unordered()));
    let close_within = keys.close_within.as_ref().map(|given| policy::tokens_of(given.value));
    let close_within = close_within.map(|limit| quote!(.close_within(#limit)));
    quote!(#concurrency #window #buffer #unordered #close_within)
}

/// The key of an item, as a function that has a name: a constructor cannot return the type of a closure.
fn by_key(model: &Model, keys: &Keys, k: &TokenStream) -> Option<TokenStream> {
    let (key, item) = (&keys.by_key.as_ref()?.value, model.item.as_ref()?);
    let span = at(key.span());
    Some(quote_spanned!(span=> .by_key((|__item: &#item| #k::key_of(__item, #key)) as fn(&#item) -> u64)))
}

/// The implementation of the form, with the user's function inside of it.
fn form_impl(model: &Model, keys: &Keys, body: &Ident, generics: &Generics) -> TokenStream {
    let Model { form, function, item, config, out, ret, is_fallible, .. } = model;
    let name = &function.sig.ident;
    // A future that is not `Send` is told at the function's name, with a note at the await in question.
    let span = at(name.span());
    let k = private(&keys.root(), span);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let nested = nested(function);
    let params = generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    let call = quote!(#name::<#(#params),*>);
    let args: Vec<TokenStream> = config.iter().map(|one| argument(one, &k)).collect();
    let sends = matches!(form, Form::Many | Form::Stream | Form::Generate);
    let yields = match (sends, out, is_fallible) {
        (true, Some(out), _) => quote!(#out),
        (true, None, _) => quote!(()),
        (false, _, true) => {
            let span = at(ret.span());
            let k = private(&keys.root(), span);
            quote_spanned!(span=> <#ret as #k::Fallible>::Ok)
        }
        (false, _, false) => quote!(#ret),
    };
    let made = if sends { quote!(()) } else { quote!(Self::Out) };
    let outcome = if *is_fallible {
        let at_error = at(error_type(ret).unwrap_or(ret).span());
        let k = private(&keys.root(), at_error);
        quote_spanned!(at_error=> #k::outcome(ret))
    } else {
        quote!(::core::result::Result::Ok(ret))
    };
    let future = quote_spanned!(span=> impl ::core::future::Future<Output = Self::Ret> + ::core::marker::Send);
    let (form, method) = match form {
        Form::Each => (
            "Each",
            quote_spanned!(span=> fn call(&mut self, item: Self::Item) -> #future { #nested #call(item, #(#args),*) }),
        ),
        Form::Many => (
            "Many",
            quote_spanned! {span=>
                fn call(&mut self, item: Self::Item, out: #k::Out<'_, Self::Out>) -> #future {
                    #nested #call(item, #(#args,)* out)
                }
            },
        ),
        Form::Stream => {
            let out_arg = out.as_ref().map(|_| quote!(out));
            let unused = out.is_none().then(|| quote!(let _ = out;));
            (
                "Transform",
                quote_spanned! {span=>
                    fn run(
                        &mut self,
                        input: #k::In<'_, Self::Item>,
                        out: #k::Out<'_, Self::Out>,
                    ) -> #future {
                        #nested #unused #call(input, #(#args,)* #out_arg)
                    }
                },
            )
        }
        Form::Generate => (
            "Generate",
            quote_spanned!(span=> fn run(&mut self, out: #k::Out<'_, Self::Out>) -> #future { #nested #call(#(#args,)* out) }),
        ),
        Form::Plain | Form::Workers | Form::Blocking => (
            "Plain",
            quote_spanned!(span=> fn call(&mut self, item: Self::Item) -> Self::Ret { #nested #call(item, #(#args),*) }),
        ),
    };
    let hooks = hooks(keys, config, &k);
    let form = Ident::new(form, span);
    let item = item.as_ref().filter(|_| model.form != Form::Generate).map(|item| quote!(type Item = #item;));
    quote_spanned! {span=>
        impl #impl_generics #k::#form for #body #ty_generics #where_clause {
            #item
            type Ret = #ret;
            type Out = #yields;

            #method

            fn outcome(ret: Self::Ret) -> ::core::result::Result<#made, #k::BoxError> {
                #outcome
            }

            #hooks
        }
    }
}

/// What a worker does before its first item and after its last one, with the configuration of the stage.
fn hooks(keys: &Keys, config: &[Config], k: &TokenStream) -> Option<TokenStream> {
    if keys.init.is_none() && keys.close.is_none() {
        return None;
    }
    let hook = |name: &str, path: Option<&Path>| {
        let path = path?;
        let span = at(path.span());
        let name = Ident::new(name, span);
        let args = config.iter().map(|one| argument(one, k));
        Some(quote_spanned! {span=>
            fn #name(
                &mut self,
            ) -> impl ::core::future::Future<Output = ::core::result::Result<(), #k::BoxError>> + ::core::marker::Send {
                async move { #k::HookReturn::outcome(#path(#(#args),*).await) }
            }
        })
    };
    let init = hook("init", keys.init.as_ref().map(|given| &given.value));
    let close = hook("close", keys.close.as_ref().map(|given| &given.value));
    Some(quote!(const HOOKS: bool = true; #init #close))
}

/// `E` of a `Result<T, E>` that is written out.
fn error_type(ret: &Type) -> Option<&Type> {
    let args = type_args(ret)?;
    match args.iter().nth(1)? {
        GenericArgument::Type(error) => Some(error),
        _ => None,
    }
}

/// The user's function as it stands, to be nested: only what belongs to the name is taken off.
fn nested(function: &ItemFn) -> TokenStream {
    let mut nested = function.clone();
    nested.vis = Visibility::Inherited;
    nested.attrs.retain(|attr| !is_about_name(attr));
    quote!(#nested)
}

/// A `Result` under another name is refused, at the return type.
fn probe(model: &Model, root: &Path) -> Option<TokenStream> {
    let ret = model.is_probed.then_some(&model.ret)?;
    let span = at(ret.span());
    let k = private(root, span);
    Some(quote_spanned! {span=>
        const _: fn() = || {
            #[allow(unused_imports)]
            use #k::ProbeFallback as _;
            #k::require_plain(&#k::Probe::<#ret>::new().kind());
        };
    })
}
