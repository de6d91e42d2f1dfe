//! Who did what, in virtual time: a trace, told in sentences.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::trace::{Event, MAIN, Note, Record, What};

/// Lines of a story that are told of its beginning, and of its end, which explains a failure.
const FIRST_LINES: usize = 5;
const LAST_LINES: usize = 60;

/// Tells `records`, one line for each poll and for each thing that happened between two.
pub(crate) fn tell(records: &[Record]) -> String {
    let mut teller = Teller::default();
    records.iter().for_each(|record| teller.hear(record));
    teller.finish_poll();
    teller.print()
}

#[derive(Default)]
struct Teller {
    names: BTreeMap<u64, String>,
    lines: Vec<Line>,
    /// Told when the next one begins.
    poll: Option<Line>,
    /// Timers that have fired and have not woken anybody.
    timers: usize,
}

struct Line {
    time: Duration,
    /// Who was polled; nobody, for what happens between two polls.
    task: Option<u64>,
    deeds: Vec<String>,
}

impl Teller {
    fn hear(&mut self, record: &Record) {
        match &record.what {
            What::Event(Event::Poll, id) => {
                self.finish_poll();
                self.poll = Some(Line { task: Some(*id), time: record.time, deeds: Vec::new() });
            }
            What::Event(Event::Spawn, id) => {
                // Its name comes with the next record.
                self.names.insert(*id, format!("task {id}"));
            }
            What::Event(Event::End, _) => self.deed(record, "ends".to_owned()),
            What::Event(Event::Wake, id) => {
                let is_timer = record.by.is_none() && self.timers > 0;
                self.timers -= usize::from(is_timer);
                let who = if is_timer { "a timer " } else { "" };
                let deed = format!("{who}wakes {}", self.name(*id));
                self.deed(record, deed);
            }
            What::Event(Event::Timer, _) => {
                self.finish_poll();
                self.timers += 1;
            }
            What::Note(note) => self.hear_note(record, note),
        }
    }

    fn hear_note(&mut self, record: &Record, note: &Note) {
        match note {
            Note::Named(name) => {
                let Some((&id, _)) = self.names.last_key_value() else { return };
                let name = if name.is_empty() { format!("task {id}") } else { format!("{name}({id})") };
                let deed = format!("spawns {name}");
                self.names.insert(id, name);
                self.deed(record, deed);
            }
            Note::Armed { deadline } => self.deed(record, format!("sleeps until {deadline:?}")),
            Note::Panic(text) => self.deed(record, format!("panics: {text}")),
            Note::Said(text) => self.deed(record, text.clone()),
            Note::Fault { task, what } => {
                let name = task.map(|id| self.name(id) + " ").unwrap_or_default();
                self.deed(record, format!("[{name}{what}]"));
            }
        }
    }

    fn deed(&mut self, record: &Record, deed: String) {
        match &mut self.poll {
            Some(poll) if record.by == poll.task => return poll.deeds.push(deed),
            _ => {}
        }
        self.finish_poll();
        match self.lines.last_mut() {
            Some(last) if last.task.is_none() && last.time == record.time => last.deeds.push(deed),
            _ => self.lines.push(Line { time: record.time, task: None, deeds: vec![deed] }),
        }
    }

    fn finish_poll(&mut self) {
        self.lines.extend(self.poll.take());
    }

    fn name(&self, id: u64) -> String {
        match id {
            MAIN => "main".to_owned(),
            _ => self.names.get(&id).cloned().unwrap_or_else(|| format!("task {id}")),
        }
    }

    fn print(&self) -> String {
        let lines: Vec<[String; 3]> = self.lines.iter().map(|line| self.cells(line)).collect();
        let widest = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let (times, names) = (widest(0), widest(1));
        let left_out = FIRST_LINES..lines.len().saturating_sub(LAST_LINES);
        let mut text = String::new();
        for (at, [time, name, deeds]) in lines.iter().enumerate() {
            if at == left_out.start && !left_out.is_empty() {
                let _ = writeln!(text, "  ({} lines are left out)", left_out.len());
            }
            if !left_out.contains(&at) {
                let _ = writeln!(text, "  {time:>times$}  {name:<names$}  {deeds}");
            }
        }
        text
    }

    fn cells(&self, Line { time, task, deeds }: &Line) -> [String; 3] {
        let name = task.map_or_else(|| "-".to_owned(), |id| self.name(id));
        let deeds = if deeds.is_empty() { "is polled".to_owned() } else { deeds.join(", ") };
        [format!("{time:?}"), name, deeds]
    }
}
