//! `remoteJwks`: what the filter would fetch, and what is not advisable about it.

use jwt_auth::{KeySource, Plugin};
use serde_json::{Value, json};

use super::clusters::{Clusters, Purpose};
use super::find::{Found, Skipped};
use crate::key_set::KeySet;
use crate::moment::duration;
use crate::terminal::{NOTICE, safe, styled};

/// An entry of `remoteJwks`.
#[derive(Debug)]
pub(super) struct RemoteSet {
    source: KeySource,
    /// What `--jwks` gives in place of a fetch.
    pub(super) keys: Option<KeySet>,
}

/// A warning about a field whose cluster may be in the file.
pub(super) struct Advice {
    /// The field that it is about.
    pub(super) field: String,
    /// The cluster that it is about, if it is not the field itself.
    pub(super) cluster: Option<String>,
    pub(super) text: String,
}

impl RemoteSet {
    /// The entries of a plugin.
    pub(super) fn all(plugin: &Plugin) -> Vec<Self> {
        let sources = plugin.remote_keys().map_or_else(Vec::new, |keys| keys.sources());
        sources.into_iter().map(|source| Self { source, keys: None }).collect()
    }

    /// `uri` or `discovery`.
    pub(super) fn url(&self) -> &str {
        &self.source.url
    }

    /// How long requests wait for the keys, in seconds.
    pub(super) fn timeout_seconds(&self) -> u64 {
        self.source.timeout_seconds
    }

    /// Where the set can be downloaded.
    pub(super) fn place(&self) -> String {
        let first = self.first_url();
        if self.source.is_discovery { format!("its URL is jwks_uri in {first}") } else { first }
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let KeySource { field, cluster, issuer, refresh_seconds, timeout_seconds, stale_seconds, .. } = &self.source;
        let time = |seconds: &u64| duration(*seconds as f64);
        let then = if self.source.is_discovery { ", then its jwks_uri" } else { "" };
        let other = self.source.jwks_cluster.as_ref().map(|other| format!(", or {} for jwks_uri", safe(other)));
        let mut lines = vec![
            format!("  {field}"),
            format!("    fetches  {}{then}", safe(&self.first_url())),
            format!("    through  the cluster {}{}", safe(cluster), other.unwrap_or_default()),
            format!(
                "    when     every {}; requests wait for it at most {}; old keys stay in use for {} if it fails",
                time(refresh_seconds),
                time(timeout_seconds),
                time(stale_seconds)
            ),
            format!(
                "    for      {}",
                issuer.as_ref().map_or("tokens of any iss".to_owned(), |issuer| format!("iss {}", safe(issuer)))
            ),
        ];
        match &self.keys {
            Some(keys) => {
                let mut of_keys = keys.lines().into_iter();
                lines.extend(of_keys.next().map(|line| format!("    keys     {line}")));
                lines.extend(of_keys.map(|line| format!("           {line}")));
            }
            None => lines.push(format!(
                "    keys     {}; to check a token, give them with --jwks FILE",
                styled(NOTICE, "not known here")
            )),
        }
        lines
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let KeySource { field, url, is_discovery, cluster, jwks_cluster, issuer, .. } = &self.source;
        json!({
            "field": field,
            "url": url,
            "discovery": is_discovery,
            "cluster": cluster,
            "jwksCluster": jwks_cluster,
            "issuer": issuer,
            "refreshSeconds": self.source.refresh_seconds,
            "timeoutSeconds": self.source.timeout_seconds,
            "staleSeconds": self.source.stale_seconds,
            "set": self.keys.as_ref().map(KeySet::json),
        })
    }

    /// What is not advisable about this entry, in a plugin with these `issuer`s.
    pub(super) fn advice(&self, issuers: Option<&[String]>, clusters: &Clusters) -> Vec<Advice> {
        let KeySource { field, url, is_discovery, cluster, jwks_cluster, issuer, .. } = &self.source;
        let of = |name: &str, text: String| Advice { field: format!("{field}.{name}"), cluster: None, text };
        let is_https = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let mut all = Vec::new();
        if !is_https && !clusters.has_tls(cluster) {
            let name = if *is_discovery { "discovery" } else { "uri" };
            let text = "the keys are fetched without TLS: anyone who can change this traffic can forge tokens. Use \
                        http only for a server or sidecar on the same machine";
            all.push(of(name, text.to_owned()));
        }
        match (issuer, issuers) {
            (None, None) => {
                let text = "without issuer, the keys verify tokens with any iss. Set it to the iss of the tokens";
                all.push(of("issuer", text.to_owned()));
            }
            (Some(issuer), Some(issuers)) if !issuers.contains(issuer) => {
                let text = format!(
                    "the keys verify only tokens of {issuer:?}, which the field `issuer` beside remoteJwks does not \
                     allow, so they are of no use. Add it there, or remove that field"
                );
                all.push(of("issuer", text));
            }
            (_, _) => {}
        }
        for (name, cluster) in [Some(("cluster", cluster)), jwks_cluster.as_ref().map(|other| ("jwksCluster", other))]
            .into_iter()
            .flatten()
        {
            all.extend(
                clusters
                    .advice(cluster, Purpose::Keys { is_https })
                    .into_iter()
                    .map(|(is_known, text)| Advice { cluster: is_known.then(|| cluster.clone()), ..of(name, text) }),
            );
        }
        all
    }

    /// What is asked for first.
    fn first_url(&self) -> String {
        let url = &self.source.url;
        if !self.source.is_discovery {
            return url.clone();
        }
        format!("{}/.well-known/openid-configuration", url.strip_suffix('/').unwrap_or(url))
    }
}

/// Why other plugins could write keys into the memory of this one, a plugin in Envoy that fetches keys.
pub(super) fn shared_memory(found: &Found, others: &[Skipped]) -> Option<Advice> {
    // Only Envoy's own configuration has a vm_id.
    if !["StringValue", "Struct"].contains(&found.form) {
        return None;
    }
    let text = if found.vm_id.is_empty() {
        "there is no vm_id, so any other Wasm filter without one can replace the fetched keys. Set a vm_id that no \
         other filter has"
            .to_owned()
    } else {
        let other = others.iter().find(|other| other.vm_id == found.vm_id)?;
        format!(
            "the Wasm filter {:?} has the same vm_id, so it can replace the fetched keys. Set a vm_id that no other \
             filter has",
            other.name
        )
    };
    Some(Advice { field: "vm_config.vm_id".to_owned(), cluster: None, text })
}
