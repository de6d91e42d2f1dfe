//! axum on tokio.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use taktline::StopToken;
use tokio::signal::unix::{SignalKind, signal as listen};

use crate::app::{Answer, App, BODY_MAX};

/// Ready at SIGTERM or SIGINT.
pub(super) fn signal() -> io::Result<impl Future<Output = ()> + Send> {
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// Serves until it is told to stop and all connections have finished.
pub(super) async fn serve(listener: TcpListener, app: Arc<App>, told: StopToken) -> io::Result<()> {
    let routes = Router::new()
        .route("/thumbnail", post(async |State(app): State<Arc<App>>, body: Body| app.thumbnail(read(body)).await))
        .route("/jobs", post(async |State(app): State<Arc<App>>, body: Body| app.job(read(body)).await))
        .route("/healthz", get(async |State(app): State<Arc<App>>| app.health()))
        .route("/metrics", get(async |State(app): State<Arc<App>>| app.metrics()))
        .route("/pipeline", get(async |State(app): State<Arc<App>>| app.graphs()))
        .with_state(app);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listener, routes).with_graceful_shutdown(async move { told.stopped().await }).await
}

async fn read(body: Body) -> Option<Bytes> {
    to_bytes(body, BODY_MAX).await.ok()
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, self.content_type)], self.body).into_response()
    }
}
