//! The command line.

use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
benches [ROW ...] [options]

Runs taktline beside its peers, round by round in one process, and prints Markdown tables.
Without ROW: all of them. The last line is `rows N reached r missed m`.

  --contender NAME   only contenders whose name contains NAME (may be given several times);
                     a target that needs one that was left out is missed
  --rounds N         rounds that are measured (default 11)
  --quick            few items and one round: proves only that it runs
  --list             the rows with their titles and targets, and the workloads
  --workload NAME N  only one workload of N items, on one thread, with a clock that stands still:
                     to be run under callgrind
  -h, --help         this text
";

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Asked {
    Run(Args),
    List,
    Help,
    /// One workload and nothing else, to be run under callgrind.
    Workload {
        name: String,
        items: u64,
    },
}

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Args {
    /// None means all.
    pub(crate) rows: Vec<String>,
    /// None means all.
    pub(crate) contenders: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) is_quick: bool,
}

pub(crate) fn parse() -> Result<Asked, lexopt::Error> {
    let mut args = Args { rows: Vec::new(), contenders: Vec::new(), rounds: 11, is_quick: false };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("contender") => args.contenders.push(parser.value()?.string()?),
            Long("rounds") => match parser.value()?.parse()? {
                0 => return Err("--rounds is 1 or more".into()),
                rounds => args.rounds = rounds,
            },
            Long("quick") => args.is_quick = true,
            Long("list") => return Ok(Asked::List),
            Long("workload") => {
                return Ok(Asked::Workload { name: parser.value()?.string()?, items: parser.value()?.parse()? });
            }
            Short('h') | Long("help") => return Ok(Asked::Help),
            Value(row) => args.rows.push(row.string()?.to_lowercase()),
            _ => return Err(arg.unexpected()),
        }
    }
    if args.is_quick {
        args.rounds = 1;
    }
    Ok(Asked::Run(args))
}
