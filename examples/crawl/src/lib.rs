//! Serves a folder of HTML on the loopback interface, and crawls it: each page once, with a limit of requests at once and of
//! requests a second, and again where the server refuses or stalls.
//!
//! ```text
//!            ┌───────────── new links, and what is to be tried again ─────────────┐
//!            ▼                                                                    │
//! start ──▶ feedback ──▶ throttle ──▶ fetch (n at once) ──▶ follow ──▶ Again::Back┘
//!                                                                     Again::On ──▶ what was found
//! ```
//!
//! | module | owns |
//! | --- | --- |
//! | [`plan`] | the crawl as a plan |
//! | [`client`] | one request after the other over a connection |
//! | [`server`] | a server that counts, refuses and stalls |
//! | [`disk`] | which pages are reachable by links, as the folder itself says |
//! | [`net`] | connections, on the runtime that was asked for |

pub mod client;
pub mod disk;
pub mod net;
pub mod plan;
pub mod server;
