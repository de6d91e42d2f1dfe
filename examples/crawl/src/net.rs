//! Connections on the loopback interface, on the runtime that was asked for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

#[cfg(not(any(feature = "tokio", feature = "smol")))]
compile_error!("crawl needs a runtime: enable the feature `tokio` or `smol`");

/// A runtime that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// tokio, and its sockets.
    #[cfg(feature = "tokio")]
    Tokio,
    /// smol, and its sockets.
    #[cfg(feature = "smol")]
    Smol,
}

/// What HTTP is spoken over.
pub trait Io: hyper::rt::Read + hyper::rt::Write + Unpin + Send {}

impl<T: hyper::rt::Read + hyper::rt::Write + Unpin + Send> Io for T {}

/// A connection of either runtime.
pub type Connection = Box<dyn Io>;

/// Where connections come in.
#[derive(Debug)]
pub enum Listener {
    /// One of tokio.
    #[cfg(feature = "tokio")]
    Tokio(tokio::net::TcpListener),
    /// One of smol.
    #[cfg(feature = "smol")]
    Smol(smol::net::TcpListener),
}

impl Runtime {
    /// Those that are built in. The first one is the default.
    pub const ALL: &[Runtime] = &[
        #[cfg(feature = "tokio")]
        Runtime::Tokio,
        #[cfg(feature = "smol")]
        Runtime::Smol,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "tokio")]
            Runtime::Tokio => "tokio",
            #[cfg(feature = "smol")]
            Runtime::Smol => "smol",
        }
    }

    /// Runs a future on it.
    pub fn block_on<F: Future>(self, future: F) -> F::Output {
        match self {
            #[cfg(feature = "tokio")]
            Runtime::Tokio => taktline::runtimes::tokio::block_on(future),
            #[cfg(feature = "smol")]
            Runtime::Smol => taktline::runtimes::smol::block_on(future),
        }
    }

    /// Listens on a port that is free.
    pub async fn listen(self) -> io::Result<Listener> {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        match self {
            #[cfg(feature = "tokio")]
            Runtime::Tokio => tokio::net::TcpListener::bind(any_port).await.map(Listener::Tokio),
            #[cfg(feature = "smol")]
            Runtime::Smol => smol::net::TcpListener::bind(any_port).await.map(Listener::Smol),
        }
    }

    /// Connects to a server.
    pub async fn connect(self, server: SocketAddr) -> io::Result<Connection> {
        match self {
            #[cfg(feature = "tokio")]
            Runtime::Tokio => of_tokio(tokio::net::TcpStream::connect(server).await?),
            #[cfg(feature = "smol")]
            Runtime::Smol => of_smol(smol::net::TcpStream::connect(server).await?),
        }
    }
}

impl Listener {
    /// The address to connect to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            #[cfg(feature = "tokio")]
            Listener::Tokio(listener) => listener.local_addr(),
            #[cfg(feature = "smol")]
            Listener::Smol(listener) => listener.local_addr(),
        }
    }

    /// The next connection.
    pub async fn accept(&self) -> io::Result<Connection> {
        match self {
            #[cfg(feature = "tokio")]
            Listener::Tokio(listener) => of_tokio(listener.accept().await?.0),
            #[cfg(feature = "smol")]
            Listener::Smol(listener) => of_smol(listener.accept().await?.0),
        }
    }
}

#[cfg(feature = "tokio")]
fn of_tokio(stream: tokio::net::TcpStream) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    Ok(Box::new(hyper_util::rt::TokioIo::new(stream)))
}

#[cfg(feature = "smol")]
fn of_smol(stream: smol::net::TcpStream) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    Ok(Box::new(smol_hyper::rt::FuturesIo::new(stream)))
}
