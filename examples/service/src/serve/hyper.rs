//! hyper on smol.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;

use async_signal::{Signal, Signals};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use smol::net::TcpStream;
use smol::stream::StreamExt;
use smol::{Async, future};
use smol_hyper::rt::FuturesIo;
use taktline::{StopToken, spawn};

use crate::app::{Answer, App, BODY_MAX};

/// Ready at SIGTERM or SIGINT.
pub(super) fn signal() -> io::Result<impl Future<Output = ()> + Send> {
    let mut signals = Signals::new([Signal::Term, Signal::Int])?;
    Ok(async move {
        signals.next().await;
    })
}

/// Serves until it is told to stop and all connections have finished.
pub(super) async fn serve(listener: TcpListener, app: Arc<App>, told: StopToken) -> io::Result<()> {
    let listener = smol::net::TcpListener::from(Async::new(listener)?);
    // Each connection holds a sender; the receiver learns when the last one is gone.
    let (open, closed) = smol::channel::bounded::<Infallible>(1);
    loop {
        let accepted = async { Some(listener.accept().await) };
        let Some(accepted) = future::or(
            async {
                told.stopped().await;
                None
            },
            accepted,
        )
        .await
        else {
            break;
        };
        // Only that connection has failed.
        let Ok((stream, _)) = accepted else { continue };
        let (app, told, open) = (app.clone(), told.clone(), open.clone());
        spawn(async move {
            connection(stream, app, told).await;
            drop(open);
        })
        .detach();
    }
    drop((listener, open));
    let _ = closed.recv().await;
    Ok(())
}

async fn connection(stream: TcpStream, app: Arc<App>, told: StopToken) {
    let answer = service_fn(|request| answer(request, app.clone()));
    let mut served = pin!(http1::Builder::new().serve_connection(FuturesIo::new(stream), answer));
    let mut stopped = pin!(told.stopped());
    let mut is_told = false;
    // An error is the client's: it has gone, or does not speak HTTP.
    let _ = poll_fn(|cx| {
        if !is_told && stopped.as_mut().poll(cx).is_ready() {
            is_told = true;
            served.as_mut().graceful_shutdown();
        }
        served.as_mut().poll(cx)
    })
    .await;
}

async fn answer(request: Request<Incoming>, app: Arc<App>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let answer = match (&head.method, head.uri.path()) {
        (&Method::POST, "/thumbnail") => app.thumbnail(read(body)).await,
        (&Method::POST, "/jobs") => app.job(read(body)).await,
        (&Method::GET, "/healthz") => app.health(),
        (&Method::GET, "/metrics") => app.metrics(),
        (&Method::GET, "/pipeline") => app.graphs(),
        _ => Answer::text(404, "there is nothing here\n"),
    };
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    Ok(response)
}

async fn read(body: Incoming) -> Option<Bytes> {
    Limited::new(body, BODY_MAX).collect().await.ok().map(|body| body.to_bytes())
}
