//! `#[main]` and `#[test]`: an async function on a runtime.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, ItemFn, Token, parse2};

const RUNTIMES: [(&str, bool); 3] =
    [("tokio", cfg!(feature = "tokio")), ("smol", cfg!(feature = "smol")), ("sim", cfg!(feature = "sim"))];

pub(crate) fn main(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand_main(keys, item.clone()).unwrap_or_else(|error| with_item(error, item))
}

pub(crate) fn test(keys: TokenStream, item: TokenStream) -> TokenStream {
    expand_test(keys, item.clone()).unwrap_or_else(|error| with_item(error, item))
}

fn with_item(error: Error, item: TokenStream) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#error #item)
}

fn words(keys: TokenStream) -> syn::Result<Vec<Ident>> {
    Ok(Punctuated::<Ident, Token![,]>::parse_terminated.parse2(keys)?.into_iter().collect())
}

fn async_fn(attribute: &str, item: TokenStream) -> syn::Result<ItemFn> {
    let function: ItemFn = parse2(item)?;
    if function.sig.asyncness.is_none() {
        let message = format!("`#[{attribute}]` runs an async function; write `async fn`");
        return Err(Error::new(function.sig.fn_token.span, message));
    }
    if let Some(argument) = function.sig.inputs.first() {
        return Err(Error::new_spanned(argument, format!("`#[{attribute}]` calls the function without arguments")));
    }
    Ok(function)
}

fn check_feature(word: &Ident) -> syn::Result<()> {
    match RUNTIMES.iter().find(|(name, _)| word == name) {
        Some((_, true)) => Ok(()),
        Some((name, false)) => {
            Err(Error::new(word.span(), format!("the feature `{name}` of taktline is off; enable it in Cargo.toml")))
        }
        None => Err(Error::new(word.span(), "not a runtime of taktline; write `tokio`, `smol` or `sim`")),
    }
}

fn expand_main(keys: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut words = words(keys)?;
    let on_one_thread = words.iter().position(|word| word == "current_thread").map(|at| words.remove(at));
    let runtime = match words.as_slice() {
        [] => RUNTIMES[..2].iter().find(|(_, is_on)| *is_on).map(|(name, _)| format_ident!("{name}")).ok_or_else(
            || {
                let message = "no runtime to run on; enable the feature `tokio` or `smol` of taktline in Cargo.toml";
                Error::new(Span::call_site(), message)
            },
        )?,
        [word] if word == "sim" => {
            return Err(Error::new(word.span(), "a program runs on `tokio` or `smol`; sim is for tests"));
        }
        [word] => {
            check_feature(word)?;
            word.clone()
        }
        [_, second, ..] => return Err(Error::new(second.span(), "a program has one runtime")),
    };
    let call = if on_one_thread.is_some() { quote!(block_on_current_thread) } else { quote!(block_on) };
    let ItemFn { attrs, vis, mut sig, block, .. } = async_fn("main", item)?;
    sig.asyncness = None;
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            ::taktline::__private::#runtime::#call(async #block)
        }
    })
}

fn expand_test(keys: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let words = words(keys)?;
    words.iter().try_for_each(check_feature)?;
    let ItemFn { attrs, vis, sig, block, .. } = async_fn("test", item)?;
    let name = &sig.ident;
    let output = &sig.output;
    let body = quote!(async fn body() #output #block);
    if words.is_empty() {
        check_feature(&Ident::new("sim", Span::call_site()))?;
        return Ok(quote! {
            #[::core::prelude::v1::test]
            #(#attrs)*
            #vis fn #name() {
                #body
                ::taktline::__private::sim::test(body);
            }
        });
    }
    let tests = words.iter().map(|runtime| {
        if runtime == "sim" {
            quote! {
                #[::core::prelude::v1::test]
                #(#attrs)*
                fn sim() {
                    ::taktline::__private::sim::test(body);
                }
            }
        } else {
            quote! {
                #[::core::prelude::v1::test]
                #(#attrs)*
                fn #runtime() #output {
                    ::taktline::__private::#runtime::block_on(body())
                }
            }
        }
    });
    Ok(quote! {
        #vis mod #name {
            #[allow(unused_imports)]
            use super::*;

            #body

            #(#tests)*
        }
    })
}
