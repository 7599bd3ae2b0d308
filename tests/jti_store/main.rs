//! `jtiStore` on live Envoys, with real engines: etcd, and Redis through Webdis.

mod breaker;
mod once;
mod outage;
mod quota;
mod race;
mod record;
mod setup;
