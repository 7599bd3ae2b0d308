//! `jtiStore` on live Envoys, with real engines: etcd, and Redis through Webdis.

mod once;
mod outage;
mod race;
mod record;
mod setup;
