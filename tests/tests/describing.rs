//! A plan tells its stages and edges before it runs: as text, as a flowchart of Mermaid and as DOT.
//!
//! That its rows are those of the report of a run is asserted for every random pipeline, see [`tests::random`].

use std::time::Duration;

use taktline::op::Branch;
use taktline::prelude::*;
use taktline::sim;

#[source]
async fn pages(total: u64, out: Out<u64>) {
    for x in 0..total {
        out.send(x).await;
    }
}

#[stage(concurrency = 4, buffer = 2, timeout = 2s, retry = 3)]
async fn fetch(page: u64) -> Result<u64, String> {
    Ok(page)
}

#[stage(concurrency = 2, unordered, on_error = skip)]
async fn parse(page: u64) -> Result<u64, String> {
    Ok(page)
}

#[stage]
fn shorten(page: u64) -> u64 {
    page / 2
}

#[stage(window = 3)]
async fn links(page: u64) -> Vec<u64> {
    vec![page]
}

#[stage]
async fn sums(mut input: In<u64>, mut out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.send(x).await;
    }
}

#[sink(concurrency = 2, buffer = 1)]
async fn store(_page: u64) {}

/// Every setting and policy, and a name that the languages of the pictures have to escape.
fn line() -> Pipeline<()> {
    let backoff = Backoff::exponential(Duration::from_millis(50)).cap(Duration::from_secs(1)).jitter();
    let fetch = fetch().backoff(backoff).deadline(Duration::from_secs(9)).on_panic(OnError::Skip);
    let flow = pages(9).restart(Duration::from_secs(1)).then(fetch).then(shorten()).then(parse()).then(sums());
    flow.then(links().name("links \"of\" <a> \\ page #1")).flat_map(|links| links).map(|x| x).map(|x| x).sink(store())
}

#[test]
fn a_line_as_text() {
    let text = r#"
at most 68 items in flight
pages (source): restart, backoff 1s
  -> fetch: 2 places
fetch (stage): 4 workers, in order, window 8, timeout 2s, deadline 9s, retry 3, backoff 50ms doubling up to 1s with jitter, skips panics
  -> shorten
shorten (fused)
  -> parse: 16 places
parse (stage): 2 workers, unordered, skips errors
  -> sums: 16 places
sums (stage)
  -> links "of" <a> \ page #1: 16 places
links "of" <a> \ page #1 (stage): 1 worker, in order, window 3
  -> flat_map
flat_map (fused)
  -> map#2
map#2 (fused)
  -> map
map (fused)
  -> store: 1 place
store (sink): 2 workers, unordered
"#;
    assert_eq!(line().describe().to_string(), text.trim_start());
    assert!(text.contains(&format!("at most {} items", line().bound())));
}

#[test]
fn a_line_as_pictures() {
    let mermaid = r#"
flowchart LR
  %% at most 68 items in flight
  n0(["pages<br>restart, backoff 1s"])
  n1["fetch<br>4 workers, in order, window 8, timeout 2s, deadline 9s, retry 3, backoff 50ms doubling up to 1s with jitter, skips panics"]
  n2("shorten")
  n3["parse<br>2 workers, unordered, skips errors"]
  n4["sums"]
  n5["links #34;of#34; #60;a#62; #92; page #35;1<br>1 worker, in order, window 3"]
  n6("flat_map")
  n7("map#35;2")
  n8("map")
  n9[["store<br>2 workers, unordered"]]
  n0 -->|"2 places"| n1
  n1 --> n2
  n2 -->|"16 places"| n3
  n3 -->|"16 places"| n4
  n4 -->|"16 places"| n5
  n5 --> n6
  n6 --> n7
  n7 --> n8
  n8 -->|"1 place"| n9
"#;
    assert_eq!(line().describe().mermaid(), mermaid.trim_start());
    let dot = r#"
digraph plan {
  rankdir=LR
  label="at most 68 items in flight"
  n0 [label="pages\nrestart, backoff 1s", shape=ellipse]
  n1 [label="fetch\n4 workers, in order, window 8, timeout 2s, deadline 9s, retry 3, backoff 50ms doubling up to 1s with jitter, skips panics", shape=box]
  n2 [label="shorten", shape=plain]
  n3 [label="parse\n2 workers, unordered, skips errors", shape=box]
  n4 [label="sums", shape=box]
  n5 [label="links \"of\" <a> \\ page #1\n1 worker, in order, window 3", shape=box]
  n6 [label="flat_map", shape=plain]
  n7 [label="map#2", shape=plain]
  n8 [label="map", shape=plain]
  n9 [label="store\n2 workers, unordered", shape=doubleoctagon]
  n0 -> n1 [label="2 places"]
  n1 -> n2
  n2 -> n3 [label="16 places"]
  n3 -> n4 [label="16 places"]
  n4 -> n5 [label="16 places"]
  n5 -> n6
  n6 -> n7
  n7 -> n8
  n8 -> n9 [label="1 place"]
}
"#;
    assert_eq!(line().describe().dot(), dot.trim_start());
}

/// Joins of joins, a tap, and splits of which one is in a branch of the other.
fn splits() -> Pipeline<(u64, Vec<Vec<u64>>)> {
    let zipped = pages(1).zip(iter([1u64])).map(|(x, _)| x);
    let joined = merge((zipped, pages(2).chain(pages(3)).buffer(7)));
    let parts = |f: Branch<u64>| f.partition(2, |x| *x, |_, part| part.then(parse())).merge();
    let tapped = joined.tap(5, |side| side.sink(store()));
    tapped.broadcast().to(|f| f.map(|x| x).count()).to(move |f| parts(f).then(links()).collect()).pipeline()
}

#[test]
fn joins_and_splits_as_text() {
    let text = "
at most 225 items in flight
pages#3 (source)
  -> chain: 16 places
pages#2 (source)
  -> chain: 16 places
chain (join)
  -> merge#2: 7 places
iter (source)
  -> zip: 16 places
pages (source)
  -> zip: 16 places
zip (join)
  -> map#2
map#2 (fused)
  -> merge#2: 16 places
merge#2 (join)
  -> broadcast: 16 places
  -> tap: what there is room for, 5 places
tap (split)
  -> store: 1 place
store (sink): 2 workers, unordered
broadcast (split)
  -> map: branch 0
  -> partition: branch 1, 16 places
map (fused)
  -> count
count (sink)
partition (split)
  -> parse: branch 0, 16 places
  -> parse#2: branch 1, 16 places
parse#2 (stage): 2 workers, unordered, skips errors
  -> merge: 16 places
parse (stage): 2 workers, unordered, skips errors
  -> merge: 16 places
merge (join)
  -> links: 16 places
links (stage): 1 worker, in order, window 3
  -> collect
collect (sink)
";
    assert_eq!(splits().describe().to_string(), text.trim_start());
}

#[test]
fn joins_and_splits_as_pictures() {
    let mermaid = r#"
flowchart LR
  %% at most 225 items in flight
  n0(["pages#35;3"])
  n1(["pages#35;2"])
  n2{{"chain"}}
  n3(["iter"])
  n4(["pages"])
  n5{{"zip"}}
  n6("map#35;2")
  n7{{"merge#35;2"}}
  n8{{"tap"}}
  n9[["store<br>2 workers, unordered"]]
  n10{{"broadcast"}}
  n11("map")
  n12[["count"]]
  n13{{"partition"}}
  n14["parse#35;2<br>2 workers, unordered, skips errors"]
  n15["parse<br>2 workers, unordered, skips errors"]
  n16{{"merge"}}
  n17["links<br>1 worker, in order, window 3"]
  n18[["collect"]]
  n0 -->|"16 places"| n2
  n1 -->|"16 places"| n2
  n2 -->|"7 places"| n7
  n3 -->|"16 places"| n5
  n4 -->|"16 places"| n5
  n5 --> n6
  n6 -->|"16 places"| n7
  n7 -->|"16 places"| n10
  n7 -->|"what there is room for, 5 places"| n8
  n8 -->|"1 place"| n9
  n10 -->|"branch 0"| n11
  n10 -->|"branch 1, 16 places"| n13
  n11 --> n12
  n13 -->|"branch 0, 16 places"| n15
  n13 -->|"branch 1, 16 places"| n14
  n14 -->|"16 places"| n16
  n15 -->|"16 places"| n16
  n16 -->|"16 places"| n17
  n17 --> n18
"#;
    assert_eq!(splits().describe().mermaid(), mermaid.trim_start());
}

/// A loop with a split and a join inside, and a flow that is read by a loop of the user's.
fn looped() -> impl Flow<Item = u64> {
    let body = |f: Branch<u64, _>| {
        let split = f.then(fetch()).broadcast();
        split.to(|f| f.map(Again::<u64, u64>::Back)).to(|f| f.map(Again::On)).merge()
    };
    pages(3).feedback(100, body).enumerate().map(|(_, x)| x).buffer(4)
}

#[test]
fn a_loop_in_all_forms() {
    let text = "
at most 182 items in flight
pages (source)
  -> feedback: 16 places
feedback (join)
  -> fetch: 2 places
fetch (stage): 4 workers, in order, window 8, timeout 2s, retry 3, backoff 100ms
  -> broadcast: 16 places
broadcast (split)
  -> map#2: branch 0
  -> map#3: branch 1
map#3 (fused)
  -> merge: 16 places
map#2 (fused)
  -> merge: 16 places
merge (join)
  -> enumerate
  -> feedback: back, at most 100 items
enumerate (fused)
  -> map
map (fused)
  -> next: 4 places
next (sink)
";
    assert_eq!(looped().describe().to_string(), text.trim_start());
    let mermaid = r#"
flowchart LR
  %% at most 182 items in flight
  n0(["pages"])
  n1{{"feedback"}}
  n2["fetch<br>4 workers, in order, window 8, timeout 2s, retry 3, backoff 100ms"]
  n3{{"broadcast"}}
  n4("map#35;3")
  n5("map#35;2")
  n6{{"merge"}}
  n7("enumerate")
  n8("map")
  n9[["next"]]
  n0 -->|"16 places"| n1
  n1 -->|"2 places"| n2
  n2 -->|"16 places"| n3
  n3 -->|"branch 0"| n5
  n3 -->|"branch 1"| n4
  n4 -->|"16 places"| n6
  n5 -->|"16 places"| n6
  n6 --> n7
  n6 -->|"back, at most 100 items"| n1
  n7 --> n8
  n8 -->|"4 places"| n9
"#;
    assert_eq!(looped().describe().mermaid(), mermaid.trim_start());
    let dot = r#"
digraph plan {
  rankdir=LR
  label="at most 182 items in flight"
  n0 [label="pages", shape=ellipse]
  n1 [label="feedback", shape=hexagon]
  n2 [label="fetch\n4 workers, in order, window 8, timeout 2s, retry 3, backoff 100ms", shape=box]
  n3 [label="broadcast", shape=hexagon]
  n4 [label="map#3", shape=plain]
  n5 [label="map#2", shape=plain]
  n6 [label="merge", shape=hexagon]
  n7 [label="enumerate", shape=plain]
  n8 [label="map", shape=plain]
  n9 [label="next", shape=doubleoctagon]
  n0 -> n1 [label="16 places"]
  n1 -> n2 [label="2 places"]
  n2 -> n3 [label="16 places"]
  n3 -> n5 [label="branch 0"]
  n3 -> n4 [label="branch 1"]
  n4 -> n6 [label="16 places"]
  n5 -> n6 [label="16 places"]
  n6 -> n7
  n6 -> n1 [label="back, at most 100 items"]
  n7 -> n8
  n8 -> n9 [label="4 places"]
}
"#;
    assert_eq!(looped().describe().dot(), dot.trim_start());
}

#[sink(on_error = dead_letter)]
async fn save(page: u64) -> Result<(), String> {
    Err(format!("{page} is bad"))
}

/// They were in the picture without anything that leads to them.
#[test]
fn dead_letters_lead_from_a_sink_also_where_it_ends_a_branch() {
    let saved = |f: Branch<u64>| f.sink(save().dead_letters(|letters| letters.sink(|_| async {})));
    let text = "
at most 120 items in flight
iter (source)
  -> broadcast: 16 places
broadcast (split)
  -> save#2: branch 0, 16 places
  -> save: branch 1, 16 places
save#2 (sink): 1 worker
  -> dead_letters#2: what has failed for good, 16 places
dead_letters#2 (split)
  -> sink#2: 16 places
sink#2 (sink): 1 worker
save (sink): 1 worker
  -> dead_letters: what has failed for good, 16 places
dead_letters (split)
  -> sink: 16 places
sink (sink): 1 worker
";
    let plan = iter(0..3u64).broadcast().to(saved).to(saved).pipeline();
    assert_eq!(plan.describe().to_string(), text.trim_start());
}

/// The rows of its report had one more.
#[test]
fn a_pipeline_that_is_called_tells_where_its_replies_go() {
    let (_calls, plan) = calls::<u64, u64, _>(4, |requests| requests.map(|x| x));
    let text = "
at most 5 items in flight
inlet (source)
  -> map
map (fused)
  -> replies
replies (sink)
";
    assert_eq!(plan.describe().to_string(), text.trim_start());
}

#[test]
fn a_description_reads_nothing_and_is_always_the_same() {
    let plan = once(0..3u64).then(parse()).count();
    let text = plan.describe().to_string();
    assert_eq!(plan.clone().describe().to_string(), text);
    assert_eq!(sim::run(1, plan.clone().run()).expect("its source was not read before").value, 3);
    assert_eq!(plan.describe().to_string(), text);
}

#[test]
fn a_plan_that_cannot_run_is_described() {
    let unread = iter(0..3u64).broadcast().to(|f| f.count()).to(|_| iter([1u64]).count()).pipeline();
    let text = "
at most 19 items in flight
iter#2 (source)
  -> broadcast: 16 places
broadcast (split)
  -> count#2: branch 0
count#2 (sink)
iter (source)
  -> count
count (sink)
";
    assert_eq!(unread.describe().to_string(), text.trim_start());
    let error = sim::run(1, unread.run()).expect_err("a branch does not read its flow");
    assert!(error.to_string().contains("branch 1 of `broadcast` does not read the flow"), "{error}");
}
