//! What all drills do: the engine is harmed under load and restored, and nothing may be accepted twice.

use std::thread;
use std::time::Duration;

use kit::bootstrap::Cluster;
use serde_json::json;

use crate::record::{Answer, Record, VERDICTS, count, counted, newest_envoy, seed, within};
use crate::setup::{Engine, Fleet, Settings, Verdict};

/// How long clients send requests before and after an outage.
const CALM: Duration = Duration::from_secs(1);

const OUTAGE: Duration = Duration::from_secs(4);

/// `timeoutMilliseconds`. It is longer than an election, also on a busy machine, and an outage is more than twice as long.
const TIMEOUT_MILLISECONDS: u32 = 1500;

const CLIENTS: usize = 12;

/// The answers to requests that were sent and answered in an outage, after `harm` has returned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) accepted: usize,
    pub(crate) unavailable: usize,
}

impl Outage {
    /// The nodes that were left served all requests but a few. Without other attempts, every third one would fail.
    pub(crate) fn assert_survived(self) {
        assert!(self.accepted > 4 * self.unavailable, "{self:?}");
    }

    /// No token could be accepted.
    pub(crate) fn assert_total(self) {
        assert!(self.accepted == 0 && self.unavailable > 0, "{self:?}");
    }
}

/// Two Envoys with this cluster send requests while the engine is harmed, and restored by `mend`. Prints the figures.
///
/// # Panics
/// When a token is accepted twice, S503JS comes outside of the outage, or a token is refused after it without having been
/// used.
pub(crate) fn drill(
    what: &str,
    engine: &Engine,
    cluster: Cluster,
    harm: impl FnOnce() + Send,
    mend: impl FnOnce() + Send,
) -> Outage {
    let seed = seed();
    let cluster = Some(cluster);
    let settings = Settings { timeout_milliseconds: TIMEOUT_MILLISECONDS, cluster, ..Settings::default() };
    let fleet = Fleet::start(&newest_envoy(), engine, &settings);
    let record = Record::new();
    let (before, from, to, after) = record.under_load(&fleet, CLIENTS, seed, || {
        thread::sleep(CALM);
        let before = record.now();
        harm();
        let from = record.now();
        thread::sleep(OUTAGE);
        let to = record.now();
        mend();
        let after = record.now();
        thread::sleep(CALM);
        (before, from, to, after)
    });

    let answers = record.answers();
    let counts = |answers: &[&Answer]| VERDICTS.map(|verdict| count(answers, &verdict));
    let during = counts(&within(&answers, from, to));
    let first = answers.iter().find(|answer| answer.from >= from && answer.verdict == Verdict::Accepted);
    println!(
        "{what} under load: accepted, S403JU, S503JS {:?}, of them {during:?} in the outage of {OUTAGE:?}; the first \
         accepted {:?} after its begin; {:?}",
        counts(&answers.iter().collect::<Vec<_>>()),
        first.map(|answer| answer.to - from),
        counted(&fleet),
    );
    let (accepted, used) = record.ask_again(&fleet);
    println!("of the tokens with nothing but S503JS, {accepted} were accepted after the outage, {used} were used up");
    let calm: Vec<_> = answers.iter().filter(|answer| answer.to < before || answer.from > after).collect();
    assert_eq!(count(&calm, &Verdict::Unavailable), 0, "S503JS without an outage");
    record.assert_once(&fleet);
    Outage { accepted: during[0], unavailable: during[2] }
}

/// A cluster that finds nodes which are down, as in `envoy/jti-etcd.yaml`.
pub(crate) fn checked(cluster: Cluster) -> Cluster {
    cluster
        .with_field(
            "health_checks",
            json!([{
                "timeout": "1s",
                "interval": "1s",
                "no_traffic_interval": "1s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "grpc_health_check": {},
            }]),
        )
        .with_field("close_connections_on_host_health_failure", json!(true))
        .with_field(
            "outlier_detection",
            json!({
                "split_external_local_origin_errors": true,
                "consecutive_local_origin_failure": 3,
                "interval": "1s",
                "base_ejection_time": "5s",
            }),
        )
}
