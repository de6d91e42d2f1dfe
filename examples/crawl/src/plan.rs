//! The crawl as a plan.

use std::collections::BTreeSet;

use linkcheck::page::Parser;
use taktline::Rate;
use taktline::prelude::*;

use crate::client::{Client, Response};
use crate::disk::linked_pages;

/// Attempts for a page, the first one included.
pub const ATTEMPTS: u32 = 4;

/// Requests that may go out at once after a pause, without passing the rate for long.
pub const BURST: u64 = 1;

/// Pages that may wait to be asked for.
const WAITING: usize = 1_000_000;

/// What is asked of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests at once.
    pub concurrency: usize,
    /// Requests a second.
    pub rate: u64,
}

/// A page to ask for.
#[derive(Clone, Debug)]
pub struct Visit {
    path: String,
    attempt: u32,
}

/// What became of a visit.
#[derive(Debug)]
pub enum Answer {
    /// A page, and the pages that it links to.
    Page(String, BTreeSet<String>),
    /// What is elsewhere.
    Moved(String),
    /// There is no such page.
    Missing,
    /// The server did not answer, or did so in vain.
    Failed(Visit),
}

/// What leaves the loop.
#[derive(Debug)]
pub enum Found {
    /// A page.
    Page(String),
    /// A link that leads nowhere.
    Missing,
    /// An attempt that has failed, and that another one follows.
    Failure,
    /// A page that was given up.
    GivenUp(String),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crawled {
    /// The pages, by their paths.
    pub pages: BTreeSet<String>,
    /// Pages that came more than once.
    pub twice: u64,
    /// Links that lead nowhere.
    pub missing: u64,
    /// Attempts that have failed, and that another one followed.
    pub failures: u64,
    /// Pages that were given up after the last attempt.
    pub given_up: Vec<String>,
}

impl Crawled {
    fn and(mut self, found: Found) -> Crawled {
        match found {
            Found::Page(path) => self.twice += u64::from(!self.pages.insert(path)),
            Found::Missing => self.missing += 1,
            Found::Failure => self.failures += 1,
            Found::GivenUp(path) => self.given_up.push(path),
        }
        self
    }
}

/// Crawls from `start` until no page is left. What has failed goes round the loop like a new link, so that a further attempt
/// passes the throttle, too.
pub fn crawl(client: Client, start: &str, limits: Limits) -> Pipeline<Crawled> {
    let start = start.to_owned();
    let first = Visit { path: start.clone(), attempt: 1 };
    iter([first])
        .feedback(WAITING, |visits| {
            let mut seen = BTreeSet::from([start]);
            visits
                .throttle(Rate::per_second(limits.rate), BURST)
                .then(fetch(client, Parser::new(Default::default())).concurrency(limits.concurrency).unordered())
                .flat_map(move |answer| follow(answer, &mut seen))
        })
        .fold(Crawled::default(), Crawled::and)
}

/// Asks for a page. Each worker has a connection of its own.
#[stage]
async fn fetch(visit: Visit, client: &mut Client, parser: &mut Parser) -> Answer {
    match client.get(&visit.path).await {
        Ok(Response::Page(html)) => {
            let links = linked_pages(parser, &visit.path, &html);
            Answer::Page(visit.path, links)
        }
        Ok(Response::Moved(path)) => Answer::Moved(path),
        Ok(Response::Missing) => Answer::Missing,
        Err(_) => Answer::Failed(visit),
    }
}

/// What goes round again, and what leaves.
fn follow(answer: Answer, seen: &mut BTreeSet<String>) -> Vec<Again<Visit, Found>> {
    let mut visit = |path: String| {
        let is_new = seen.insert(path.clone());
        is_new.then_some(Again::Back(Visit { path, attempt: 1 }))
    };
    match answer {
        Answer::Page(path, links) => {
            links.into_iter().filter_map(visit).chain([Again::On(Found::Page(path))]).collect()
        }
        Answer::Moved(path) => visit(path).into_iter().collect(),
        Answer::Missing => vec![Again::On(Found::Missing)],
        Answer::Failed(Visit { path, attempt }) if attempt < ATTEMPTS => {
            vec![Again::Back(Visit { path, attempt: attempt + 1 }), Again::On(Found::Failure)]
        }
        Answer::Failed(Visit { path, .. }) => vec![Again::On(Found::GivenUp(path))],
    }
}
