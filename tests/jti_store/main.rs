//! `jtiStore` on live Envoys, with real engines: etcd, and Redis through Webdis.

mod once;
mod setup;
