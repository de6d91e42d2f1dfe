use taktline::prelude::*;

fn main() {
    let _ = iter(0..3u64).then(|text: String| async move { text.len() });
}
