//! `jtiStore` on live Envoys, with real engines: etcd, and Redis through Webdis.

mod breaker;
mod checker;
mod checks;
mod clocks;
mod cold_start;
mod drill;
mod history;
mod late_answers;
mod lost_answers;
mod odd_answers;
mod once;
mod outage;
mod partition;
mod prefix;
mod quota;
mod race;
mod record;
mod redis_outages;
mod restarts;
mod setup;
