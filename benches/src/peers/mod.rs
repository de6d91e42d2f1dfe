//! What a user would take or write instead: one file a peer.

pub(crate) mod async_channel;
pub(crate) mod channel;
pub(crate) mod crossfire;
pub(crate) mod flume;
pub(crate) mod futures;
pub(crate) mod futures_concurrency;
pub(crate) mod kanal;
pub(crate) mod par_stream;
pub(crate) mod plain;
pub(crate) mod pumps;
pub(crate) mod rayon;
pub(crate) mod tachyonix;
pub(crate) mod tokio;
