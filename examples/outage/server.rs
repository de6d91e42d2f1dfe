//! A server on the loopback interface that goes through an outage: it answers, fails, hangs, resets, and answers again.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How a request is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Answers,
    Fails,
    Hangs,
    Resets,
}

/// How long each mood lasts; the last one stays.
const MOODS: [(Mood, Duration); 5] = [
    (Mood::Answers, Duration::from_millis(200)),
    (Mood::Fails, Duration::from_millis(300)),
    (Mood::Hangs, Duration::from_millis(300)),
    (Mood::Resets, Duration::from_millis(300)),
    (Mood::Answers, Duration::MAX),
];

/// Starts the server, which lives for as long as the process does.
pub(crate) fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let begun = Instant::now();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mood = mood_after(begun.elapsed());
            thread::spawn(move || meet(stream, mood));
        }
    });
    Ok(address)
}

fn mood_after(time: Duration) -> Mood {
    let mut end = Duration::ZERO;
    let moods = MOODS.into_iter().find(|(_, lasts)| {
        end = end.saturating_add(*lasts);
        time < end
    });
    moods.map_or(Mood::Answers, |(mood, _)| mood)
}

/// A connection has one line as its request, and one as its answer. Whatever the client does is its own business.
fn meet(mut stream: TcpStream, mood: Mood) {
    if mood == Mood::Resets {
        return;
    }
    let mut request = String::new();
    let is_read = BufReader::new(&stream).read_line(&mut request).is_ok();
    match mood {
        Mood::Hangs => thread::sleep(Duration::from_millis(500)),
        Mood::Fails => drop(stream.write_all(b"error: out of order\n")),
        Mood::Answers | Mood::Resets if is_read => drop(stream.write_all(request.as_bytes())),
        Mood::Answers | Mood::Resets => {}
    }
}
