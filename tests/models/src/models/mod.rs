//! The models, and what runs them.

mod edge;
mod explore;
mod plan;
mod pool;
mod task;
mod threads;
mod witness;

use std::process::ExitCode;

use explore::{Model, end_at_a_violation, explore};

/// Explores the models whose names begin with one of the arguments, or all of them.
pub fn main() -> ExitCode {
    let models: Vec<Model> = [edge::MODELS, task::MODELS, pool::MODELS, plan::MODELS].concat();
    let models: Vec<Model> = models.into_iter().filter(Model::is_for_here).collect();
    let named: Vec<String> = std::env::args().skip(1).collect();
    if named.iter().any(|arg| arg == "--list") {
        models.iter().for_each(|model| println!("{}", model.name));
        return ExitCode::SUCCESS;
    }
    let is_asked = |model: &&Model| named.is_empty() || named.iter().any(|name| model.name.starts_with(name.as_str()));
    let asked: Vec<&Model> = models.iter().filter(is_asked).collect();
    if asked.is_empty() {
        eprintln!("no model is named {}; `--list` prints the names", named.join(" or "));
        return ExitCode::FAILURE;
    }
    end_at_a_violation();
    asked.iter().for_each(|model| explore(model));
    println!("models: {} of {} hold", asked.len(), asked.len());
    ExitCode::SUCCESS
}
