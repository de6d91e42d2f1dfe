#[taktline::main]
fn main() {}

#[taktline::main]
async fn with_arguments(args: Vec<String>) {
    drop(args);
}

#[taktline::main]
struct NoFunction;
