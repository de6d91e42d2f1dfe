use taktline::prelude::*;

#[stage]
async fn length(text: String) -> usize {
    text.len()
}

fn main() {
    let _ = iter(0..3u64).then(length()).count();
}
