//! Load, and whether all of it came back: by the client's own list, from a process of its own.
//!
//! The client says `Expect: 100-continue`, and sends a picture only once the service has asked for it: from then on the
//! request is accepted, and has to be answered. A job is accepted when its number has come; its file has to be there when the
//! service has ended. Every picture has a colour of its own, so that a reply tells whose it is.

mod client;
mod picture;
mod process;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::Args;
use client::{Client, Outcome};
use process::Service;

/// How many requests are on their way at once.
const CLIENTS: u64 = 64;
/// In a cycle every so many requests there is a job.
const JOB_EVERY: u64 = 4;

/// What one client, or all of them, have on their list.
#[derive(Default)]
struct List {
    calls: u64,
    wrong: u64,
    lost: u64,
    shed: u64,
    /// The service was stopping, and had not accepted it.
    refused: u64,
    /// The numbers of the jobs that were accepted, with the numbers of their pictures.
    jobs: Vec<(u64, u64)>,
    jobs_lost: u64,
    latencies: Vec<Duration>,
}

impl List {
    fn add(&mut self, outcome: Outcome, picture: u64, latency: Duration) {
        match outcome {
            Outcome::Thumbnail(png) if picture::is_thumbnail_of(&png, picture) => {
                self.calls += 1;
                self.latencies.push(latency);
            }
            Outcome::Thumbnail(_) => self.wrong += 1,
            Outcome::Job(number) => self.jobs.push((number, picture)),
            Outcome::Shed => self.shed += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Lost => self.lost += 1,
        }
    }

    fn append(&mut self, mut other: List) {
        self.calls += other.calls;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.shed += other.shed;
        self.refused += other.refused;
        self.jobs.append(&mut other.jobs);
        self.jobs_lost += other.jobs_lost;
        self.latencies.append(&mut other.latencies);
    }

    /// The latency that so many of a hundred calls did not exceed.
    fn percentile(&mut self, of_hundred: usize) -> Duration {
        self.latencies.sort_unstable();
        let at = (self.latencies.len() * of_hundred / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }

    /// Looks for what became of the jobs, once the service has ended.
    fn look_for_jobs(&mut self, store: &Path) {
        let is_there = |(number, picture): &(u64, u64)| {
            let png = std::fs::read(store.join(format!("{number}.png")));
            png.is_ok_and(|png| picture::is_thumbnail_of(&png, *picture))
        };
        self.jobs_lost = self.jobs.iter().filter(|job| !is_there(job)).count() as u64;
    }

    fn is_complete(&self) -> bool {
        (self.wrong, self.lost, self.jobs_lost) == (0, 0, 0)
    }
}

/// Calls the service so many times. True if each call got its own reply.
pub(crate) fn load(args: &Args, calls: u64) -> Result<bool, Box<dyn Error>> {
    let store = store();
    let service = Service::start(args, &store)?;
    let next = AtomicU64::new(0);
    let mut list = all_clients(&service, |client, list| {
        loop {
            let picture = next.fetch_add(1, Ordering::Relaxed);
            if picture >= calls {
                return;
            }
            let start = Instant::now();
            let outcome = client.call(picture);
            list.add(outcome, picture, start.elapsed());
        }
    });
    let is_stopped = service.stop()?;
    std::fs::remove_dir_all(&store)?;
    // Nobody has told it to stop: what was refused has to have an answer, too.
    list.lost += std::mem::take(&mut list.refused);
    let [p50, p99] = [50, 99].map(|of_hundred| list.percentile(of_hundred).as_secs_f64() * 1e3);
    println!(
        "calls {} wrong {} lost {} shed {} p50 {p50:.1}ms p99 {p99:.1}ms",
        list.calls, list.wrong, list.lost, list.shed
    );
    Ok(is_stopped && list.is_complete())
}

/// Starts the service so many times, and stops it at a random time under load. True if nothing that was accepted is lost.
pub(crate) fn cycles(args: &Args, cycles: u64, seed: u64) -> Result<bool, Box<dyn Error>> {
    eprintln!("seed {seed}");
    let mut random = Random(seed | 1);
    let (mut all, mut unclean) = (List::default(), 0);
    for _ in 0..cycles {
        let store = store();
        let service = Service::start(args, &store)?;
        let (next, is_stopped) = (AtomicU64::new(0), AtomicBool::new(false));
        let after = Duration::from_micros(random.below(200_000));
        let mut list = thread::scope(|scope| {
            let stopper = scope.spawn(|| {
                thread::sleep(after);
                is_stopped.store(true, Ordering::Relaxed);
                service.tell()
            });
            let list = all_clients(&service, |client, list| {
                loop {
                    let picture = next.fetch_add(1, Ordering::Relaxed);
                    let start = Instant::now();
                    let outcome = if picture % JOB_EVERY == 0 { client.job(picture) } else { client.call(picture) };
                    let is_over = matches!(outcome, Outcome::Refused | Outcome::Lost);
                    list.add(outcome, picture, start.elapsed());
                    if is_over {
                        return;
                    }
                }
            });
            let told = stopper.join().expect("the one who stops it does not panic");
            told.map(|()| list)
        })?;
        unclean += u64::from(!service.stop()?);
        list.look_for_jobs(&store);
        std::fs::remove_dir_all(&store)?;
        all.append(list);
    }
    println!(
        "cycles {cycles} unclean {unclean} calls {} wrong {} lost {} shed {} refused {} jobs {} lost {}",
        all.calls,
        all.wrong,
        all.lost,
        all.shed,
        all.refused,
        all.jobs.len(),
        all.jobs_lost
    );
    Ok(unclean == 0 && all.is_complete())
}

/// Runs `work` on as many threads as there are clients, each with a list of its own.
fn all_clients(service: &Service, work: impl Fn(&mut Client, &mut List) + Sync) -> List {
    let mut all = List::default();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut list = List::default();
                    work(&mut Client::new(service.address), &mut list);
                    list
                })
            })
            .collect();
        clients.into_iter().for_each(|client| all.append(client.join().expect("no client panics")));
    });
    all
}

/// A new folder for the thumbnails of one service.
fn store() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("thumbnails-{}-{number}", std::process::id()))
}

/// When to stop: xorshift is random enough for that.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
