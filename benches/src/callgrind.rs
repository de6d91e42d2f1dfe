//! Instructions of this program, counted by valgrind and told apart by the lines that they come from.
//!
//! An instruction has a line, and the functions that were inlined around it. So the cost of a module can be told also where
//! the compiler has dissolved it in its callers.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Instructions by address.
#[derive(Debug, Default)]
pub(crate) struct Profile(BTreeMap<u64, u64>);

/// Where an instruction comes from: its function, or one that it was inlined into.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) file: String,
}

/// Whether the tools are there.
pub(crate) fn is_present() -> bool {
    ["valgrind", "addr2line"].iter().all(|tool| {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    })
}

/// Runs `workload` over `items` items under callgrind.
pub(crate) fn profile(workload: &str, items: u64) -> io::Result<Profile> {
    let program = std::env::current_exe()?;
    let out = std::env::temp_dir().join(format!("callgrind-{}-{workload}-{items}", std::process::id()));
    let mut out_file = std::ffi::OsString::from("--callgrind-out-file=");
    out_file.push(&out);
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no"])
        .arg(out_file)
        .arg(&program)
        .args(["--workload", workload, &items.to_string()])
        .output()?;
    if !run.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&run.stderr).into_owned()));
    }
    let text = std::fs::read_to_string(&out)?;
    std::fs::remove_file(&out)?;
    Ok(parse(&text, &program))
}

/// Of all cost lines, those of `program` itself; a line behind `calls=` is the cost of a callee, which has lines of its own.
fn parse(text: &str, program: &Path) -> Profile {
    let mut profile = Profile::default();
    let (mut is_ours, mut is_call) = (false, false);
    for line in text.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            is_ours = Path::new(object) == program;
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if let Some(cost) = line.strip_prefix("0x") {
            let mut fields = cost.split(' ');
            let address = fields.next().and_then(|address| u64::from_str_radix(address, 16).ok());
            let count = fields.nth(1).and_then(|count| count.parse::<u64>().ok());
            if let (true, false, Some(address), Some(count)) = (is_ours, is_call, address, count) {
                *profile.0.entry(address).or_default() += count;
            }
            is_call = false;
        }
    }
    profile
}

impl Profile {
    /// What `more` items cost on top: the start and the end of a run cancel out.
    pub(crate) fn per_item(&self, few: &Profile, more: u64) -> Vec<(u64, f64)> {
        let cost = |(address, count): (&u64, &u64)| {
            let before = few.0.get(address).copied().unwrap_or_default();
            (*address, (*count as f64 - before as f64) / more as f64)
        };
        self.0.iter().map(cost).filter(|(_, cost)| *cost != 0.0).collect()
    }
}

/// The frames of each address of this program, innermost first.
pub(crate) fn frames(addresses: impl IntoIterator<Item = u64>) -> io::Result<BTreeMap<u64, Vec<Frame>>> {
    let mut addr2line = Command::new("addr2line")
        .args(["--addresses", "--functions", "--inlines", "--demangle", "--exe"])
        .arg(std::env::current_exe()?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = addr2line.stdin.take().ok_or_else(|| io::Error::other("addr2line takes no input"))?;
    let asked: String = addresses.into_iter().map(|address| format!("{address:#x}\n")).collect();
    // Apart, since both pipes would fill up.
    let writer = std::thread::spawn(move || input.write_all(asked.as_bytes()));
    let output = addr2line.wait_with_output()?;
    writer.join().map_err(|_| io::Error::other("addr2line could not be asked"))??;
    let mut frames: BTreeMap<u64, Vec<Frame>> = BTreeMap::new();
    let mut address = 0;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match line.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
            Some(next) => address = next,
            None => {
                let file = lines.next().unwrap_or_default().to_owned();
                frames.entry(address).or_default().push(Frame { function: line.to_owned(), file });
            }
        }
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::{Profile, parse};

    const OUT: &str = "\
ob=/lib/c.so
fn=malloc
0x10 1 99

ob=/bin/benches
fn=main
0x10 7 2
0x14 7 3
cfn=callee
calls=5 0x90
0x18 7 1000
0x18 8 4
0x10 7 1
";

    #[test]
    fn only_the_own_lines_of_the_program_count() {
        let Profile(counts) = parse(OUT, "/bin/benches".as_ref());
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(0x10, 3), (0x14, 3), (0x18, 4)]);
    }

    #[test]
    fn what_is_the_same_in_both_runs_cancels_out() {
        let few = Profile([(1, 10), (2, 100)].into());
        let more = Profile([(1, 30), (2, 100), (3, 5)].into());
        assert_eq!(more.per_item(&few, 10), [(1, 2.0), (3, 0.5)]);
    }
}
