//! `preventJtiReplay` and `jtiStore`: where the used `jti`s are kept, and what is not advisable about it.

use jwt_auth::{Engine, JtiStore, Plugin};
use serde_json::{Value, json};

use super::CheckedPlugin;
use super::clusters::{Clusters, Http, Purpose};
use super::handover::Finding;
use super::remote::Advice;
use crate::terminal::safe;

/// Where the used `jti`s of a plugin are kept.
#[derive(Debug)]
pub(super) struct UsedJtis {
    /// `jtiStore`.
    store: Option<JtiStore>,
    /// `replayColdStart: refuse`.
    refuses_cold_start: bool,
}

impl UsedJtis {
    /// `None` without `preventJtiReplay` and `jtiStore`.
    pub(super) fn of(plugin: &Plugin) -> Option<Self> {
        (plugin.prevents_replay() || plugin.jti_store().is_some())
            .then(|| Self { store: plugin.jti_store().cloned(), refuses_cold_start: plugin.refuses_cold_start() })
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(store) = &self.store else { return self.lines_of_memory() };
        let JtiStore { cluster, authority, key_prefix, timeout_milliseconds, .. } = store;
        let alone = match (store.falls_back, self.refuses_cold_start) {
            (false, _) => "rejects the request: 503 S503JS",
            (true, false) => "decides alone, from the memory of this Envoy, which a restart empties",
            (true, true) => {
                "decides alone, from the memory of this Envoy; tokens from before its start are rejected \
                 (replayColdStart)"
            }
        };
        vec![
            "  jtiStore".to_owned(),
            format!("    asks     {}, after all other checks", name(store.engine)),
            format!("    through  the cluster {}, as {}", safe(cluster), safe(authority)),
            format!("    keys     {}...; filters with the same keyPrefix share used jtis", safe(key_prefix)),
            format!("    waits    at most {timeout_milliseconds} ms, all attempts together"),
            format!("    else     {alone}"),
        ]
    }

    fn lines_of_memory(&self) -> Vec<String> {
        let restart = if self.refuses_cold_start {
            "forgets them; tokens from before it are rejected (replayColdStart)"
        } else {
            "forgets them; used tokens are accepted again (replayColdStart: refuse rejects them)"
        };
        vec![
            "  preventJtiReplay".to_owned(),
            "    keeps    used jtis in the memory of this Envoy; other Envoys don't know them (jtiStore)".to_owned(),
            format!("    restart  {restart}"),
        ]
    }

    /// For programs: `jtiStore`, which is null without it.
    pub(super) fn store_json(&self) -> Value {
        let Some(store) = &self.store else { return Value::Null };
        json!({
            "kind": store.engine.name(),
            "cluster": store.cluster,
            "authority": store.authority,
            "keyPrefix": store.key_prefix,
            "timeoutMilliseconds": store.timeout_milliseconds,
            "onFailure": if store.falls_back { "local" } else { "refuse" },
        })
    }

    /// For programs: `replayColdStart`.
    pub(super) fn cold_start(&self) -> &'static str {
        if self.refuses_cold_start { "refuse" } else { "accept" }
    }

    /// What is not advisable.
    pub(super) fn advice(&self, clusters: &Clusters) -> Vec<Advice> {
        let Some(store) = &self.store else { return Vec::new() };
        let JtiStore { engine, cluster, timeout_milliseconds, .. } = store;
        let of = |field: &str, text: String| Advice { field: field.to_owned(), cluster: None, text };
        let of_cluster = |is_known: bool, text: String| Advice {
            cluster: is_known.then(|| cluster.clone()),
            ..of("jtiStore.cluster", text)
        };
        let mut all = Vec::new();
        match (store.falls_back, self.refuses_cold_start) {
            (true, false) => {
                let text = format!(
                    "while {} does not answer within {timeout_milliseconds} ms, every Envoy accepts a token once, and \
                     once more after a restart. Set replayColdStart: refuse",
                    name(*engine)
                );
                all.push(of("jtiStore.onFailure", text));
            }
            (false, true) => {
                let text = format!(
                    "no effect, because {} remembers used jtis while Envoy is restarted. Remove it; it is for \
                     onFailure: local",
                    name(*engine)
                );
                all.push(of("replayColdStart", text));
            }
            (_, _) => {}
        }
        let protocol = match (engine, clusters.http(cluster)) {
            (Engine::Etcd, Some(Http::One)) => Some(format!(
                "the cluster {cluster:?} speaks HTTP/1.1, but etcd needs HTTP/2. Add explicit_http_config: \
                 {{http2_protocol_options: {{}}}} to its typed_extension_protocol_options"
            )),
            (Engine::Redis, Some(Http::Two)) => {
                Some(format!("the cluster {cluster:?} speaks HTTP/2, but Webdis needs HTTP/1.1"))
            }
            (_, _) => None,
        };
        all.extend(protocol.map(|text| of_cluster(true, text)));
        let of_connection = clusters.advice(cluster, Purpose::Jtis);
        all.extend(of_connection.into_iter().map(|(is_known, text)| of_cluster(is_known, text)));
        all
    }
}

/// Adds a warning to each plugin whose `jtiStore` is not that of another plugin with the same memory.
pub(super) fn compare(plugins: &mut [CheckedPlugin]) {
    let place = |store: &JtiStore| (store.engine, store.cluster.clone(), store.key_prefix.clone());
    for index in 0..plugins.len() {
        let (before, rest) = plugins.split_at_mut(index);
        let Some((plugin, _)) = rest.split_first_mut() else { return };
        let Some(here) = plugin.jti_store().map(place) else { continue };
        let differs = |other: &&CheckedPlugin| {
            other.found.vm_id == plugin.found.vm_id && other.jti_store().map(place).is_some_and(|there| there != here)
        };
        let Some(other) = before.iter().find(differs) else { continue };
        let problem = format!(
            "{:?} keeps used jtis elsewhere, but has the same vm_id: in one Envoy both share used jtis, in several they \
             don't. Use the same jtiStore, or another vm_id",
            other.found.name
        );
        let Ok(handover) = &plugin.found.handover else { continue };
        plugin.warnings.push(Finding::new(handover.place("jtiStore"), "jtiStore", problem));
    }
}

/// The name of an engine for people.
pub(super) fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Etcd => "etcd",
        Engine::Redis => "Redis",
    }
}
