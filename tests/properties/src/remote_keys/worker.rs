//! A worker of a process, and its configuration.

use jwt_auth::{KeyCall, Plugin, RemoteKeys};
use serde_json::{Value, json};

use super::issuer::{Issuer, KEYS_PATH};
use super::model::{Millis, Times};

/// How many configurations there are.
pub(super) const CASES: usize = 4;

/// A worker.
pub(super) struct Worker {
    /// Unique among all workers of the process.
    pub(super) id: usize,
    pub(super) plugin: Plugin,
    pub(super) timeout: Millis,
    /// Calls without an answer, the oldest one first.
    pub(super) open: Vec<KeyCall>,
    pub(super) answered: Vec<KeyCall>,
    pub(super) sets: Vec<Knowledge>,
    /// The news when a request began to wait for an unknown `kid`.
    pub(super) waits_since: Option<u32>,
}

/// What a worker knows of a set.
#[derive(Clone, Default)]
pub(super) struct Knowledge {
    /// How many good answers it has surely heard of.
    pub(super) good: usize,
    /// Whether nothing happened to the set since the worker looked.
    pub(super) is_current: bool,
    /// Whether a request waits for an unknown `kid`.
    pub(super) is_wanted: bool,
}

impl Worker {
    pub(super) fn new(id: usize, case: usize, timeout_seconds: u64) -> Self {
        let sources = sources(case, timeout_seconds);
        let configuration = json!({
            "parameter": "t", "parameterLocation": "header", "ignoreExpirationCheck": true, "remoteJwks": sources,
        });
        let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
        assert_eq!(plugin.faults(), None, "{configuration}");
        let sets = vec![Knowledge::default(); issuers(case)];
        let timeout = timeout_seconds * 1000;
        Self { id, plugin, timeout, open: Vec::new(), answered: Vec::new(), sets, waits_since: None }
    }

    pub(super) fn keys(&self) -> &RemoteKeys {
        self.plugin.remote_keys().expect("keys from a URL")
    }
}

/// How many issuers the configuration has.
pub(super) fn issuers(case: usize) -> usize {
    if case == 3 { 2 } else { 1 }
}

/// Whether tokens of other issuers are rejected.
pub(super) fn has_issuer(case: usize) -> bool {
    case >= 2
}

/// Whether the set of this issuer is found by discovery, on another host.
pub(super) fn is_elsewhere(case: usize, issuer: usize) -> bool {
    case == 2 && issuer == 0
}

/// The times of the configuration.
pub(super) fn times(case: usize) -> Times {
    match case {
        0 => Times { refresh: 60, cooldown: 1, stale: 0 },
        1 => Times { refresh: 600, cooldown: 30, stale: 86_400 },
        _ => Times { refresh: 100, cooldown: 10, stale: 60 },
    }
}

/// `remoteJwks`.
fn sources(case: usize, timeout_seconds: u64) -> Value {
    let Times { refresh, cooldown, stale } = times(case);
    let source = |number: usize| {
        let issuer = Issuer::number(number);
        let mut source = json!({
            "cluster": format!("c{number}"), "timeoutSeconds": timeout_seconds, "refreshSeconds": refresh,
            "unknownKidCooldownSeconds": cooldown, "staleSeconds": stale,
        });
        if case < 2 || case == 3 && number == 0 {
            source["uri"] = format!("{}{KEYS_PATH}", issuer.name).into();
        } else {
            source["discovery"] = issuer.name.as_str().into();
        }
        if is_elsewhere(case, number) {
            source["jwksAuthority"] = issuer.elsewhere().into();
            source["jwksCluster"] = "c0-keys".into();
        }
        if has_issuer(case) {
            source["issuer"] = issuer.name.as_str().into();
        }
        source
    };
    (0..issuers(case)).map(source).collect()
}

/// The path of a call.
pub(super) fn path_of(call: &KeyCall) -> &str {
    call.call.header(":path").expect("a path")
}

/// Which set a call fetches. Checks that it leads to where the configuration says.
pub(super) fn set_of(call: &KeyCall, case: usize) -> usize {
    let path = path_of(call);
    let call = &call.call;
    let number = usize::from(call.cluster == "c1");
    let issuer = Issuer::number(number);
    let host = issuer.name.strip_prefix("https://").expect("a URL").to_owned();
    let is_keys = path == KEYS_PATH;
    assert!(is_keys || path.starts_with("/.well-known/"), "{call:?}");
    let expected = match call.cluster.as_str() {
        "c0-keys" if is_elsewhere(case, 0) && is_keys => issuer.elsewhere(),
        cluster if cluster == format!("c{number}") && number < issuers(case) => host,
        cluster => panic!("a call to {cluster}"),
    };
    assert_eq!((call.header(":scheme"), call.header(":authority")), (Some("https"), Some(expected.as_str())));
    number
}
