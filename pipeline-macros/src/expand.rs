//! The code of a source, a stage or a sink.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Error, FnArg, GenericParam, ItemFn, Visibility, parse2};

use crate::keys::Keys;
use crate::model::{Config, Form, How, Model, Role, complete, is_port};

pub(crate) fn function(role: Role, keys: TokenStream, item: TokenStream) -> TokenStream {
    let function = match parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = Error::new(error.span(), format!("`#[{}]` is for a function: {error}", role.name()));
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

fn expand(model: &Model, keys: &Keys) -> TokenStream {
    let root = keys.root();
    let k = quote!(#root::__private);
    let Model { function, config, .. } = model;
    let name = &function.sig.ident;
    let body = format_ident!("__taktline_{}", name);
    let (impl_generics, ty_generics, where_clause) = function.sig.generics.split_for_impl();
    let attrs = Attrs::of(function);
    let Attrs { cfgs, docs, lints } = &attrs;
    let vis = &function.vis;
    let names: Vec<&Ident> = config.iter().map(|one| &one.name).collect();
    let fields: Vec<TokenStream> = config.iter().map(|one| field_type(one, &k)).collect();
    let marked = function.sig.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        _ => None,
    });
    let params = config.iter().map(|one| parameter(one, &k));
    let values = config.iter().map(|one| value(one, &k));
    let clones = config.iter().map(clone_field);
    let value_type = value_type(model);
    let text = keys.name.as_ref().map_or_else(
        || quote!(stringify!(#name)),
        |given| {
            let text = &given.value;
            quote!(#text)
        },
    );
    let settings = settings(keys);
    let form = form_impl(model, &body, &k);
    let probe = probe(model, &k);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs, missing_debug_implementations, clippy::all)]
        #vis struct #body #impl_generics #where_clause {
            #(#names: #fields,)*
            __types: ::core::marker::PhantomData<fn() -> (#(#marked,)*)>,
        }

        #(#cfgs)*
        impl #impl_generics ::core::clone::Clone for #body #ty_generics #where_clause {
            fn clone(&self) -> Self {
                #body { #(#names: #clones,)* __types: ::core::marker::PhantomData }
            }
        }

        #(#cfgs)*
        #form

        #(#cfgs)*
        #probe

        #(#cfgs)*
        #(#docs)*
        #(#lints)*
        #[allow(clippy::too_many_arguments, clippy::ptr_arg)]
        #vis fn #name #impl_generics (#(#params),*) -> #k::#value_type<#body #ty_generics> #where_clause {
            #k::#value_type::new(
                #text,
                #body { #(#names: #values,)* __types: ::core::marker::PhantomData },
            ) #settings
        }
    }
}

/// The attributes of the function, by where they belong.
struct Attrs<'a> {
    /// On everything that is generated.
    cfgs: Vec<&'a Attribute>,
    /// On the constructor.
    docs: Vec<&'a Attribute>,
    /// On the constructor as well as on the function itself.
    lints: Vec<&'a Attribute>,
}

impl<'a> Attrs<'a> {
    fn of(function: &'a ItemFn) -> Attrs<'a> {
        let mut attrs = Attrs { cfgs: Vec::new(), docs: Vec::new(), lints: Vec::new() };
        for attr in &function.attrs {
            let path = attr.path();
            if path.is_ident("cfg") {
                attrs.cfgs.push(attr);
            } else if path.is_ident("doc") || path.is_ident("deprecated") {
                attrs.docs.push(attr);
            } else if ["allow", "warn", "deny", "forbid"].iter().any(|lint| path.is_ident(lint)) {
                attrs.lints.push(attr);
            }
        }
        attrs
    }
}

fn field_type(Config { ty, how, .. }: &Config, _: &TokenStream) -> TokenStream {
    match how {
        How::Shared => quote!(::std::sync::Arc<#ty>),
        How::State | How::Cloned => quote!(#ty),
    }
}

fn parameter(Config { name, ty, how }: &Config, k: &TokenStream) -> TokenStream {
    match how {
        How::Shared => quote!(#name: impl #k::IntoShared<#ty>),
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
fn clone_field(Config { name, ty, .. }: &Config) -> TokenStream {
    quote_spanned!(ty.span()=> ::core::clone::Clone::clone(&self.#name))
}

fn argument(Config { name, ty, how }: &Config) -> TokenStream {
    match how {
        How::Shared => quote!(&self.#name),
        How::State => quote!(&mut self.#name),
        How::Cloned => quote_spanned!(ty.span()=> ::core::clone::Clone::clone(&self.#name)),
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
    quote!(#concurrency #window #buffer #unordered)
}

/// The implementation of the form, with the user's function inside of it.
fn form_impl(model: &Model, body: &Ident, k: &TokenStream) -> TokenStream {
    let Model { form, function, item, config, out, ret, is_fallible, .. } = model;
    let (impl_generics, ty_generics, where_clause) = function.sig.generics.split_for_impl();
    let nested = nested(function);
    let name = &function.sig.ident;
    let generics = function.sig.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    let call = quote!(#name::<#(#generics),*>);
    let args: Vec<TokenStream> = config.iter().map(argument).collect();
    let sends = matches!(form, Form::Many | Form::Stream | Form::Generate);
    let yields = match (sends, out, is_fallible) {
        (true, Some(out), _) => quote!(#out),
        (true, None, _) => quote!(()),
        (false, _, true) => quote!(<#ret as #k::Fallible>::Ok),
        (false, _, false) => quote!(#ret),
    };
    let made = if sends { quote!(()) } else { quote!(Self::Out) };
    let outcome = if *is_fallible {
        quote_spanned!(ret.span()=> #k::Fallible::into_result(ret).map_err(::core::convert::Into::into))
    } else {
        quote!(::core::result::Result::Ok(ret))
    };
    let future = quote!(impl ::core::future::Future<Output = Self::Ret> + ::core::marker::Send);
    // Spanned at the function's name: a future that is not `Send` is told there, with a note at the await in question.
    let (form, method) = match form {
        Form::Each => (
            quote!(Each),
            quote_spanned!(name.span()=> fn call(&mut self, item: Self::Item) -> #future { #nested #call(item, #(#args),*) }),
        ),
        Form::Many => (
            quote!(Many),
            quote_spanned!(name.span()=>
                fn call(&mut self, item: Self::Item, out: #k::Out<'_, Self::Out>) -> #future {
                    #nested #call(item, #(#args,)* out)
                }
            ),
        ),
        Form::Stream => {
            let out_arg = out.as_ref().map(|_| quote!(out));
            let unused = out.is_none().then(|| quote!(let _ = out;));
            (
                quote!(Transform),
                quote_spanned!(name.span()=>
                    fn run(
                        &mut self,
                        input: #k::In<'_, Self::Item>,
                        out: #k::Out<'_, Self::Out>,
                    ) -> #future {
                        #nested #unused #call(input, #(#args,)* #out_arg)
                    }
                ),
            )
        }
        Form::Generate => (
            quote!(Generate),
            quote_spanned!(name.span()=> fn run(&mut self, out: #k::Out<'_, Self::Out>) -> #future { #nested #call(#(#args,)* out) }),
        ),
        Form::Plain | Form::Workers | Form::Blocking => (
            quote!(Plain),
            quote_spanned!(name.span()=> fn call(&mut self, item: Self::Item) -> Self::Ret { #nested #call(item, #(#args),*) }),
        ),
    };
    let item = item.as_ref().filter(|_| model.form != Form::Generate).map(|item| quote!(type Item = #item;));
    quote! {
        impl #impl_generics #k::#form for #body #ty_generics #where_clause {
            #item
            type Ret = #ret;
            type Out = #yields;

            #method

            fn outcome(ret: Self::Ret) -> ::core::result::Result<#made, #k::BoxError> {
                #outcome
            }
        }
    }
}

/// The user's function as it stands, to be nested: only what has no meaning there is taken off.
fn nested(function: &ItemFn) -> TokenStream {
    let mut nested = function.clone();
    nested.vis = Visibility::Inherited;
    nested.attrs.retain(|attr| !attr.path().is_ident("doc") && !attr.path().is_ident("cfg"));
    let has_args = nested.sig.inputs.iter().any(|arg| matches!(arg, FnArg::Typed(_)));
    let lint = has_args.then(|| quote!(#[allow(clippy::too_many_arguments)]));
    quote!(#lint #nested)
}

/// A `Result` under another name is refused, at the return type.
fn probe(model: &Model, k: &TokenStream) -> TokenStream {
    if !model.is_probed {
        return quote!(
            const _: () = ();
        );
    }
    let ret = &model.ret;
    quote_spanned! {ret.span()=>
        const _: fn() = || {
            #[allow(unused_imports)]
            use #k::ProbeFallback as _;
            #k::require_plain(&#k::Probe::<#ret>::new().kind());
        };
    }
}
