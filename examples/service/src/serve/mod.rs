//! HTTP, and the runtime that the service runs on.

#[cfg(feature = "tokio")]
mod axum;
#[cfg(feature = "smol")]
mod hyper;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::str::FromStr;
use std::sync::Arc;

use taktline::{StopToken, now, spawn, timeout};

use crate::app::{App, Ended, STOP_TIME};

#[derive(Clone, Copy)]
pub(crate) enum Runtime {
    #[cfg(feature = "tokio")]
    Tokio,
    #[cfg(feature = "smol")]
    Smol,
}

impl Runtime {
    const ALL: &[Runtime] = &[
        #[cfg(feature = "tokio")]
        Runtime::Tokio,
        #[cfg(feature = "smol")]
        Runtime::Smol,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "tokio")]
            Runtime::Tokio => "tokio",
            #[cfg(feature = "smol")]
            Runtime::Smol => "smol",
        }
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Runtime::ALL[0]
    }
}

impl FromStr for Runtime {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Runtime::ALL.iter().find(|known| known.name() == name);
        found.copied().ok_or_else(|| format!("it was built without the runtime {name}"))
    }
}

/// Serves until a signal.
///
/// # Errors
/// The listener or the signals cannot be used.
pub(crate) fn run(runtime: Runtime, listener: TcpListener, app: impl FnOnce() -> App) -> io::Result<Ended> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    // Once signals are listened to: who has read this may send one.
    let say = || println!("listening on http://{address}");
    match runtime {
        #[cfg(feature = "tokio")]
        Runtime::Tokio => taktline::runtimes::tokio::block_on(async {
            let app = Arc::new(app());
            let signal = axum::signal()?;
            say();
            until(signal, app.clone(), |told| axum::serve(listener, app, told)).await
        }),
        #[cfg(feature = "smol")]
        Runtime::Smol => taktline::runtimes::smol::block_on(async {
            let app = Arc::new(app());
            let signal = hyper::signal()?;
            say();
            until(signal, app.clone(), |told| hyper::serve(listener, app, told)).await
        }),
    }
}

/// Serves until `signal` is ready. Then the connections finish what they have begun, while the pipelines still take it; then
/// the pipelines finish what they have accepted.
async fn until<F>(
    signal: impl Future<Output = ()> + Send + 'static,
    app: Arc<App>,
    serve: impl FnOnce(StopToken) -> F,
) -> io::Result<Ended>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let told = StopToken::new();
    let (serving, of_signal, of_server) = (serve(told.clone()), told.clone(), told.clone());
    let signalled = spawn(async move {
        signal.await;
        of_signal.drain(STOP_TIME);
    });
    let serving = spawn(async move {
        let served = serving.await;
        of_server.drain(STOP_TIME);
        served
    });
    told.stopped().await;
    let start = now();
    // Who does not finish in time is cut off here, and what the pipelines have is answered to nobody.
    let served = timeout(STOP_TIME, serving).await;
    drop(signalled);
    let ended = app.stop(STOP_TIME.saturating_sub(now() - start)).await;
    match served {
        Ok(Ok(Err(error))) => Err(error),
        Ok(Err(panic)) => Err(io::Error::other(panic)),
        _ => Ok(ended),
    }
}
