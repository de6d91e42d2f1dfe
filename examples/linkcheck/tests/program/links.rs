//! Which links are broken.

use super::{broken, checked, counts, folder};

#[test]
fn a_link_is_judged_from_the_folder_of_its_page() {
    let folder = folder(&[
        ("a.html", "<a href=b/c.html><a href=./b/../a.html><a href=c.html>"),
        (
            "b/c.html",
            "<a href=d.css><a href=../a.html><a href=/a.html><a href=/b/c.html><a href=a.html><a href=/c.html>",
        ),
        ("b/d.css", ""),
    ]);
    assert_eq!(
        broken(folder.path(), &[]),
        ["a.html c.html missing file", "b/c.html a.html missing file", "b/c.html /c.html missing file"]
    );
}

#[test]
fn a_fragment_is_an_id_or_the_name_of_an_anchor() {
    let folder = folder(&[
        ("a.html", "<a href=b.htm#x><a href=b.htm#y><a href=b.htm#z><a href=#x><a href=#w><p id=w>"),
        ("b.htm", "<p id=x><a name=y></a><p name=z>"),
        ("c.css", ""),
        ("d.html", "<a href=c.css#x><a href=e.html#x><a href=b.htm#X>"),
    ]);
    assert_eq!(
        broken(folder.path(), &[]),
        [
            "a.html b.htm#z missing fragment",
            "a.html #x missing fragment",
            "d.html e.html#x missing file",
            "d.html b.htm#X missing fragment"
        ]
    );
}

#[test]
fn the_top_of_a_page_is_always_there() {
    let folder =
        folder(&[("a.html", "<a href=#><a href=#top><a href=b.html#><a href=b.html#top><a href=''>"), ("b.html", "")]);
    assert_eq!(broken(folder.path(), &[]), [""; 0]);
}

#[test]
fn what_has_a_scheme_or_a_host_is_counted_and_not_checked() {
    let folder = folder(&[(
        "a.html",
        "<a href=https://example.org/x#y><a href=//example.org><img src=data:,x><a href=mailto:a@b><a href=b:c><a href=./b:c>",
    )]);
    assert_eq!(counts(folder.path()), [1, 6, 5, 0]);
    assert_eq!(broken(folder.path(), &[]), ["a.html ./b:c missing file"]);
}

#[test]
fn comments_scripts_and_styles_have_no_links() {
    let folder = folder(&[(
        "a.html",
        "<!-- <a href=1> --><script>'<a href=2>'</script><style><a href=3></style><script src=4></script><a href=5>",
    )]);
    assert_eq!(broken(folder.path(), &[]), ["a.html 4 missing file", "a.html 5 missing file"]);
    assert_eq!(counts(folder.path()), [1, 2, 0, 0]);
}

#[test]
fn a_link_to_a_folder_is_good_if_that_has_an_index() {
    let folder = folder(&[
        ("a.html", "<a href=b><a href=b/><a href=b#x><a href=b/#y><a href=c><a href=c/><a href=.>"),
        ("b/index.html", "<p id=x><a href=.><a href=./#x>"),
        ("c/other.html", ""),
    ]);
    assert_eq!(
        broken(folder.path(), &[]),
        ["a.html b/#y missing fragment", "a.html c missing file", "a.html c/ missing file", "a.html . missing file"]
    );
}

#[test]
fn a_link_is_decoded_and_its_query_ignored() {
    let folder = folder(&[
        ("a b.html", "<p id='x y'><p id='&lt;T&gt;'><p id=ü>"),
        ("c&d.html", ""),
        ("e?f.html", ""),
        (
            "z.html",
            "<a href='a%20b.html#x%20y'><a href='a b.html?q#%3CT%3E'><a href='a%20b.html#&lt;T&gt;'><a href='a b.html#%C3%BC'>
             <a href='c&amp;d.html'><a href='c%26d.html?a&amp;b'><a href='e%3Ff.html'><a href=e?f.html><a href='g&amp;h'>",
        ),
    ]);
    assert_eq!(broken(folder.path(), &[]), ["z.html e?f.html missing file", "z.html g&h missing file"]);
}

#[test]
fn refreshes_are_followed_before_a_fragment_is_called_missing() {
    let chain = |to: usize| format!("<meta http-equiv=refresh content='0;URL={to}.html'>");
    let chain: Vec<_> = (1..30).map(|from| (format!("{from}.html"), chain(from + 1))).collect();
    let mut files: Vec<_> = chain.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.extend([
        ("30.html", "<p id=x>"),
        ("a.html", "<a href=1.html#x><a href=1.html#y><a href=out.html#x><a href=moved.html#old><a href=gone.html#x>"),
        ("b.html", "<a href=self.html><a href=self.html#x><a href=ping.html#x><a href=gone.html><a href=dir.html#x>"),
        ("out.html", "<meta http-equiv=refresh content='0;URL=https://example.org/'>"),
        ("moved.html", "<meta http-equiv=refresh content='0;URL=30.html#x'>"),
        ("gone.html", "<meta http-equiv=refresh content='0;URL=nowhere.html'>"),
        ("self.html", "<meta http-equiv=refresh content='0;URL=self.html'>"),
        ("ping.html", "<meta http-equiv=refresh content='0;URL=pong.html'>"),
        ("pong.html", "<meta http-equiv=refresh content='0;URL=ping.html'>"),
        ("dir.html", "<meta http-equiv=refresh content='0;URL=dir'>"),
        ("dir/index.html", "<p id=x>"),
    ]);
    assert_eq!(
        broken(folder(&files).path(), &[]),
        [
            "a.html 1.html#y missing fragment",
            "a.html gone.html#x missing fragment",
            "b.html self.html#x missing fragment",
            "b.html ping.html#x missing fragment"
        ]
    );
}

#[test]
fn an_ignored_fragment_still_needs_its_file() {
    let folder =
        folder(&[("a.html", "<a href=#1-2><a href=b.html#3-4><a href=#5-6x><a href=c.html#7-8>"), ("b.html", "")]);
    assert_eq!(
        broken(folder.path(), &["--ignore-fragments", r"\d+-\d+"]),
        ["a.html #5-6x missing fragment", "a.html c.html#7-8 missing file"]
    );
}

#[test]
fn broken_links_are_sorted_by_file_and_place() {
    let many: String = (0..40).rev().map(|n| format!("<a href={n}.css>")).collect();
    let pages: Vec<_> = (0..40).map(|n| format!("{n:02}/x.html")).collect();
    let folder = folder(&pages.iter().rev().map(|page| (page.as_str(), many.as_str())).collect::<Vec<_>>());
    let expected: Vec<_> =
        pages.iter().flat_map(|page| (0..40).rev().map(move |n| format!("{page} {n}.css missing file"))).collect();
    assert_eq!(broken(folder.path(), &["--concurrency", "4"]), expected);
    let repeated = super::folder(&[("a.html", "<a href=b><a href=c><a href=b>")]);
    assert_eq!(
        broken(repeated.path(), &[]),
        ["a.html b missing file", "a.html c missing file", "a.html b missing file"]
    );
}

#[test]
fn a_folder_without_broken_links_is_good() {
    let folder = folder(&[("a.html", "<a href=b/>"), ("b/index.html", "<a href=../a.html>")]);
    assert_eq!(checked(folder.path(), &[]).0, Some(0));
}
