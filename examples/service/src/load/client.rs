//! One client: one request at a time, over a connection that is kept.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::picture;

/// How long it waits for an answer, which is longer than the service may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// More than any answer has.
const ANSWER_MAX: u64 = 1 << 20;

pub(super) enum Outcome {
    Thumbnail(Vec<u8>),
    /// It was accepted, with this number.
    Job(u64),
    /// The service was busy, and says so.
    Shed,
    /// The service was stopping, or has gone, and had not accepted the request.
    Refused,
    /// The request was accepted, and has no answer.
    Lost,
}

pub(super) struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    is_last: bool,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Client {
        Client { address, connection: None }
    }

    pub(super) fn call(&mut self, picture: u64) -> Outcome {
        match self.post("/thumbnail", picture) {
            Ok(Some(answer)) if answer.status == 200 => Outcome::Thumbnail(answer.body),
            // It was accepted.
            Ok(Some(_)) | Err(Broken::Accepted) => Outcome::Lost,
            Ok(None) => Outcome::Shed,
            Err(Broken::Unaccepted) => Outcome::Refused,
        }
    }

    /// A job is accepted when its number has come, not before.
    pub(super) fn job(&mut self, picture: u64) -> Outcome {
        match self.post("/jobs", picture) {
            Ok(Some(answer)) if answer.status == 202 => {
                let number = String::from_utf8_lossy(&answer.body).trim().parse();
                number.map_or(Outcome::Lost, Outcome::Job)
            }
            Ok(_) => Outcome::Shed,
            Err(_) => Outcome::Refused,
        }
    }

    /// The answer to what was accepted, or none to what was not.
    fn post(&mut self, path: &str, number: u64) -> Result<Option<Answer>, Broken> {
        let picture = picture::png(number);
        let mut accepted = Broken::Unaccepted;
        let answer = self.exchange(path, &picture, &mut accepted);
        if !answer.as_ref().is_ok_and(|answer| answer.as_ref().is_some_and(|answer| !answer.is_last)) {
            self.connection = None;
        }
        answer.map_err(|_| accepted)
    }

    fn exchange(&mut self, path: &str, picture: &[u8], accepted: &mut Broken) -> io::Result<Option<Answer>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(self.address)?),
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
            self.address,
            picture.len()
        );
        connection.get_mut().write_all(head.as_bytes())?;
        let asked = read_answer(connection)?;
        if asked.status != 100 {
            return Ok(None);
        }
        *accepted = Broken::Accepted;
        connection.get_mut().write_all(picture)?;
        read_answer(connection).map(Some)
    }
}

/// The connection has broken off before the answer came.
#[derive(Clone, Copy)]
enum Broken {
    Unaccepted,
    Accepted,
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    Ok(BufReader::new(stream))
}

fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut from = connection.take(ANSWER_MAX);
    let head = next_line(&mut from)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let (mut length, mut is_last) = (0, false);
    loop {
        let line = next_line(&mut from)?;
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            None => break,
            Some(("content-length", value)) => length = value.parse().map_err(|_| io::ErrorKind::InvalidData)?,
            Some(("connection", value)) => is_last = value == "close",
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length {
        Ok(Answer { status, body, is_last })
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// A line of a head.
fn next_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    match from.read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_ascii_lowercase()),
    }
}
