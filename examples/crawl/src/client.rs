//! A client that makes one request after the other.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, LOCATION};
use hyper::rt::{Read, ReadBuf, Write};
use hyper::{Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use taktline::BoxError;

use crate::net::{Connection, Runtime};

/// How long a request waits for all of its answer.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What a server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// A page.
    Page(String),
    /// It is at this path.
    Moved(String),
    /// There is none.
    Missing,
}

/// Asks one server, over a connection that stays open. Each clone has one of its own.
pub struct Client {
    runtime: Runtime,
    server: SocketAddr,
    open: Option<Open>,
}

struct Open {
    sender: http1::SendRequest<Empty<Bytes>>,
    connection: http1::Connection<Connection, Empty<Bytes>>,
}

impl Client {
    /// A client of `server`, which it connects to with its first request.
    pub fn new(runtime: Runtime, server: SocketAddr) -> Client {
        Client { runtime, server, open: None }
    }

    /// Asks for what is at `path`.
    ///
    /// # Errors
    /// The server does not answer in time, says that it cannot now, or is not there.
    pub async fn get(&mut self, path: &str) -> Result<Response, BoxError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let (sender, connection) = http1::handshake(self.runtime.connect(self.server).await?).await?;
                Open { sender, connection }
            }
        };
        let encoded: Vec<_> =
            path.split('/').map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()).collect();
        let request = Request::get(format!("/{}", encoded.join("/"))).header(HOST, self.server.to_string());
        let request = request.body(Empty::new())?;
        match taktline::timeout(PATIENCE, open.exchange(request)).await {
            Ok(Ok(answer)) => {
                self.open = Some(open);
                understand(answer)
            }
            Ok(Err(error)) => {
                open.hang_up().await;
                Err(error)
            }
            Err(_) => {
                open.hang_up().await;
                Err("no answer in time".into())
            }
        }
    }
}

impl Clone for Client {
    fn clone(&self) -> Self {
        Client::new(self.runtime, self.server)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.server).finish_non_exhaustive()
    }
}

type Answer = (StatusCode, Option<HeaderValue>, Bytes);

fn understand((status, location, body): Answer) -> Result<Response, BoxError> {
    match status {
        StatusCode::OK => Ok(Response::Page(String::from_utf8_lossy(&body).into_owned())),
        StatusCode::NOT_FOUND => Ok(Response::Missing),
        StatusCode::MOVED_PERMANENTLY => {
            let location = location.ok_or("it has moved and nobody says where")?;
            let path = percent_decode_str(location.to_str()?).decode_utf8()?;
            Ok(Response::Moved(path.trim_start_matches('/').to_owned()))
        }
        other => Err(format!("the server says {other}").into()),
    }
}

impl Open {
    /// Sends a request and reads all of the answer. The connection works only meanwhile, so it needs no task.
    async fn exchange(&mut self, request: Request<Empty<Bytes>>) -> Result<Answer, BoxError> {
        let Open { sender, connection } = self;
        let mut exchange = pin!(async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok((head.status, head.headers.get(LOCATION).cloned(), body))
        });
        let mut is_closed = false;
        poll_fn(|cx| {
            if !is_closed {
                is_closed = Pin::new(&mut *connection).poll(cx).is_ready();
            }
            match exchange.as_mut().poll(cx) {
                Poll::Pending if is_closed => Poll::Ready(Err("the server has hung up".into())),
                polled => polled,
            }
        })
        .await
    }

    /// Hangs up, and waits until the server has done so: only then does it count one request less.
    async fn hang_up(self) {
        let mut io = self.connection.into_parts().io;
        if poll_fn(|cx| Pin::new(&mut io).poll_shutdown(cx)).await.is_err() {
            return;
        }
        let mut bytes = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = poll_fn(|cx| Pin::new(&mut io).poll_read(cx, buffer.unfilled())).await;
            if read.is_err() || buffer.filled().is_empty() {
                return;
            }
        }
    }
}
