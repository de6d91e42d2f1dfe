//! What the tokens of a type say. An attribute sees no more of a type than the user has written.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{GenericArgument, GenericParam, ItemFn, Path, PathArguments, Token, Type, TypeReference};

/// The arguments of the last segment of a path.
pub(crate) fn type_args(ty: &Type) -> Option<&Punctuated<GenericArgument, Token![,]>> {
    let Type::Path(path) = ty else { return None };
    match &path.path.segments.last()?.arguments {
        PathArguments::AngleBracketed(args) => Some(&args.args),
        _ => None,
    }
}

/// `T` of a path that ends in `wrapper<T>`.
pub(crate) fn element(ty: &Type, wrapper: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    if !last_is(&path.path, wrapper) {
        return None;
    }
    type_args(ty)?.iter().find_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

/// Whether it is an `In` or an `Out`, perhaps behind a reference or without its type.
pub(crate) fn is_port(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_port(&reference.elem),
        Type::Path(path) => last_is(&path.path, "In") || last_is(&path.path, "Out"),
        _ => false,
    }
}

pub(crate) fn is_static(reference: &TypeReference) -> bool {
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Any path that ends in `Result`.
pub(crate) fn is_result(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if last_is(&path.path, "Result"))
}

/// One without arguments may be an alias with the right ones, and is let pass.
pub(crate) fn is_result_of_unit(ty: &Type) -> bool {
    is_result(ty) && element(ty, "Result").is_none_or(|ok| is_unit(&ok))
}

pub(crate) fn last_is(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// Whether a parameter of the function is named in `ty`: such a type cannot be looked at outside of the function.
pub(crate) fn uses_generics(ty: &Type, function: &ItemFn) -> bool {
    has_word(ty.to_token_stream(), &|word| {
        function.sig.generics.params.iter().any(|param| match param {
            GenericParam::Type(param) => param.ident == *word,
            GenericParam::Const(param) => param.ident == *word,
            GenericParam::Lifetime(_) => false,
        })
    })
}

/// Whether there is a `&` or a lifetime that is not `'static`. Function types may have some of their own, and are let pass.
pub(crate) fn borrows(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) if borrows(group.stream()) => return true,
            TokenTree::Ident(word) if ["for", "fn", "Fn", "FnMut", "FnOnce"].iter().any(|one| word == one) => {
                return false;
            }
            TokenTree::Punct(sign) if sign.as_char() == '&' => match tokens.peek() {
                Some(TokenTree::Punct(next)) if next.as_char() == '\'' => {}
                _ => return true,
            },
            TokenTree::Punct(sign) if sign.as_char() == '\'' => match tokens.next() {
                Some(TokenTree::Ident(name)) if name == "static" => {}
                _ => return true,
            },
            _ => {}
        }
    }
    false
}

/// What to write instead of a reference to `elem`.
pub(crate) fn owned_form(elem: &Type) -> String {
    match elem {
        Type::Path(path) if path.path.is_ident("str") => "`String`".to_owned(),
        Type::Path(path) if last_is(&path.path, "Path") => "`PathBuf`".to_owned(),
        Type::Slice(_) => "a `Vec`".to_owned(),
        _ => "the type without `&`, or an `Arc` of it".to_owned(),
    }
}

/// Whether a word of `tokens`, at any depth, is it.
pub(crate) fn has_word(tokens: TokenStream, is_it: &dyn Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => is_it(&word),
        TokenTree::Group(group) => has_word(group.stream(), is_it),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn what_borrows_is_found_and_static_and_function_types_are_let_pass() {
        for borrowed in [quote!(&str), quote!(Vec<&'a str>), quote!((u8, Cow<'_, str>)), quote!(&'static [&u8])] {
            assert!(borrows(borrowed.clone()), "{borrowed}");
        }
        for owned in [quote!(&'static str), quote!(Vec<u8>), quote!(fn(&str) -> &str), quote!(Box<dyn for<'a> F<'a>>)] {
            assert!(!borrows(owned.clone()), "{owned}");
        }
    }
}
