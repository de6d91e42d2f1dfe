//! `#[main]` and `#[test]`: an async function on a runtime.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, ItemFn, Path, ReturnType, Token, parse_quote};

use crate::expand::parse_function;
use crate::keys::path;

/// The runtimes that are built in, by feature.
#[derive(Clone, Copy)]
struct Features {
    tokio: bool,
    smol: bool,
    sim: bool,
}

const FEATURES: Features =
    Features { tokio: cfg!(feature = "tokio"), smol: cfg!(feature = "smol"), sim: cfg!(feature = "sim") };

impl Features {
    /// Whether the runtime is built in. `None` if there is none of that name.
    fn has(self, name: &str) -> Option<bool> {
        match name {
            "tokio" => Some(self.tokio),
            "smol" => Some(self.smol),
            "sim" => Some(self.sim),
            _ => None,
        }
    }
}

pub(crate) fn main(keys: TokenStream, item: TokenStream) -> TokenStream {
    entry("main", keys, item, |keys, function, errors| expand_main(FEATURES, keys, function, errors))
}

pub(crate) fn test(keys: TokenStream, item: TokenStream) -> TokenStream {
    entry("test", keys, item, |keys, function, errors| expand_test(FEATURES, keys, function, errors))
}

fn entry(
    attribute: &str,
    keys: TokenStream,
    item: TokenStream,
    expand: impl FnOnce(Keys, &ItemFn, &mut Vec<Error>) -> TokenStream,
) -> TokenStream {
    let function = match parse_function(attribute, item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#error #item);
        }
    };
    let mut errors = Vec::new();
    let keys = Keys::parse(keys, &mut errors);
    check_function(attribute, &function, &mut errors);
    let expanded = expand(keys, &function, &mut errors);
    if errors.is_empty() {
        return expanded;
    }
    let errors = errors.iter().map(Error::to_compile_error);
    let kept = kept(function);
    quote!(#(#errors)* #kept)
}

/// The function where its attribute is wrong: editors know it, and the compiler takes it for what it was meant to be.
fn kept(function: ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let (name, output) = (&sig.ident, &sig.output);
    let (asyncness, inputs) = (&sig.asyncness, &sig.inputs);
    quote! {
        #(#attrs)*
        #[allow(unused)]
        #vis fn #name() #output {
            #asyncness fn #name(#inputs) #output #block
            ::core::panic!()
        }
    }
}

fn check_function(attribute: &str, function: &ItemFn, errors: &mut Vec<Error>) {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        let message = format!("`#[{attribute}]` runs an async function; write `async fn`");
        errors.push(Error::new_spanned(sig.fn_token, message));
    }
    if !sig.inputs.is_empty() {
        let message = format!("`#[{attribute}]` calls the function without arguments; take them away");
        errors.push(Error::new_spanned(&sig.inputs, message));
    }
    if !sig.generics.params.is_empty() {
        let message = format!("`#[{attribute}]` calls the function, which cannot be generic");
        errors.push(Error::new_spanned(&sig.generics, message));
    }
}

/// The words of an attribute, and `crate = path`.
struct Keys {
    words: Vec<Ident>,
    root: Path,
}

impl Keys {
    fn parse(tokens: TokenStream, errors: &mut Vec<Error>) -> Keys {
        let mut keys = Keys { words: Vec::new(), root: parse_quote!(::taktline) };
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let word = input.call(Ident::parse_any)?;
                if word == "crate" {
                    keys.root = path(input, &word)?;
                } else if input.peek(Token![=]) {
                    return Err(Error::new(word.span(), format!("`{word}` is no key here; write names of runtimes")));
                } else if keys.words.contains(&word) {
                    return Err(Error::new(word.span(), format!("`{word}` is given twice; take one away")));
                } else {
                    keys.words.push(word);
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        errors.extend(parser.parse2(tokens).err());
        keys
    }
}

fn check_feature(features: Features, word: &Ident, choice: &str, errors: &mut Vec<Error>) {
    let message = match features.has(&word.to_string()) {
        Some(true) => return,
        Some(false) => format!("taktline is built without `{word}`; enable its feature `{word}` in Cargo.toml"),
        None => format!("`{word}` is no runtime of taktline; write {choice}"),
    };
    errors.push(Error::new(word.span(), message));
}

fn expand_main(features: Features, keys: Keys, function: &ItemFn, errors: &mut Vec<Error>) -> TokenStream {
    let Keys { mut words, root } = keys;
    let on_one_thread = words.iter().position(|word| word == "current_thread").map(|at| words.remove(at));
    if let [_, second, ..] = words.as_slice() {
        errors.push(Error::new(second.span(), "a program has one runtime; take the others away"));
    }
    let runtime = match words.into_iter().next() {
        Some(word) if word == "sim" => {
            errors.push(Error::new(word.span(), "a program runs on `tokio` or `smol`; sim is for tests"));
            word
        }
        Some(word) => {
            check_feature(features, &word, "`tokio` or `smol`, with or without `current_thread`", errors);
            word
        }
        None if features.tokio => Ident::new("tokio", Span::call_site()),
        None => {
            if !features.smol {
                let message = "there is no runtime to run `main` on; enable the feature `tokio` or `smol` of taktline in Cargo.toml";
                errors.push(Error::new(Span::call_site(), message));
            }
            Ident::new("smol", Span::call_site())
        }
    };
    let call =
        Ident::new(if on_one_thread.is_some() { "block_on_current_thread" } else { "block_on" }, Span::call_site());
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let (name, output, fn_token) = (&sig.ident, &sig.output, &sig.fn_token);
    quote! {
        #(#attrs)*
        #vis #fn_token #name() #output {
            #sig #block
            #root::__private::#runtime::#call(#name())
        }
    }
}

fn expand_test(features: Features, keys: Keys, function: &ItemFn, errors: &mut Vec<Error>) -> TokenStream {
    let Keys { words, root } = keys;
    for word in &words {
        check_feature(features, word, "`tokio`, `smol` or `sim`", errors);
    }
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let name = &sig.ident;
    if words.is_empty() {
        if !features.sim {
            let message = "tests run on the simulated runtime, and taktline is built without it; \
                           enable its feature `sim`, or name others: `#[taktline::test(tokio)]`";
            errors.push(Error::new(Span::call_site(), message));
        }
        return quote! {
            #[::core::prelude::v1::test]
            #(#attrs)*
            #vis fn #name() {
                #sig #block
                #root::__private::sim::test(#name);
            }
        };
    }
    let (on_tests, on_function): (Vec<_>, Vec<_>) =
        attrs.iter().partition(|attr| ["ignore", "should_panic"].iter().any(|name| attr.path().is_ident(name)));
    let returns = match sig.output {
        ReturnType::Default => None,
        ReturnType::Type(..) => Some(quote!(-> impl ::std::process::Termination)),
    };
    let tests = words.iter().map(|runtime| {
        let run = if runtime == "sim" {
            quote!(() { #root::__private::sim::test(super::#name); })
        } else {
            quote!(() #returns { #root::__private::#runtime::block_on(super::#name()) })
        };
        quote! {
            #[::core::prelude::v1::test]
            #(#on_tests)*
            fn #runtime #run
        }
    });
    // The function stays where it is, so that its paths mean what they say; a module and a function may share a name.
    quote! {
        #[cfg(test)]
        #(#on_function)*
        #sig #block

        #[cfg(test)]
        #vis mod #name {
            #(#tests)*
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse2;

    const NONE: Features = Features { tokio: false, smol: false, sim: false };

    type Expand = fn(Features, Keys, &ItemFn, &mut Vec<Error>) -> TokenStream;

    fn expanded(expand: Expand, features: Features, keys: TokenStream) -> (String, Vec<String>) {
        let mut errors = Vec::new();
        let keys = Keys::parse(keys, &mut errors);
        let function = parse2(quote!(
            async fn run() {}
        ))
        .expect("it is a function");
        let code = expand(features, keys, &function, &mut errors);
        (code.to_string(), errors.iter().map(Error::to_string).collect())
    }

    fn code(expand: Expand, features: Features, keys: TokenStream) -> String {
        let (code, errors) = expanded(expand, features, keys);
        assert!(errors.is_empty(), "{errors:?}");
        code
    }

    fn mistake(expand: Expand, features: Features, keys: TokenStream) -> String {
        let (_, mut errors) = expanded(expand, features, keys);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    #[test]
    fn main_takes_the_runtime_that_is_built_in_and_tokio_of_both() {
        let (tokio, smol) = (Features { tokio: true, ..NONE }, Features { smol: true, ..NONE });
        let both = Features { tokio: true, ..smol };
        assert!(code(expand_main, tokio, quote!()).contains(":: tokio :: block_on ("));
        assert!(code(expand_main, smol, quote!()).contains(":: smol :: block_on ("));
        assert!(code(expand_main, both, quote!()).contains(":: tokio :: block_on ("));
        assert!(code(expand_main, both, quote!(smol)).contains(":: smol :: block_on ("));
        assert!(code(expand_main, both, quote!(smol, current_thread)).contains(":: smol :: block_on_current_thread ("));
    }

    #[test]
    fn a_missing_feature_is_named() {
        assert!(mistake(expand_main, NONE, quote!()).contains("enable the feature `tokio` or `smol`"));
        assert!(mistake(expand_main, NONE, quote!(smol)).contains("enable its feature `smol`"));
        assert!(mistake(expand_test, NONE, quote!()).contains("enable its feature `sim`"));
        assert!(mistake(expand_test, NONE, quote!(tokio)).contains("enable its feature `tokio`"));
    }

    #[test]
    fn a_renamed_crate_is_found() {
        let code = code(expand_main, Features { smol: true, ..NONE }, quote!(crate = other));
        assert!(code.contains("other :: __private") && !code.contains("taktline"), "{code}");
    }
}
