//! `jtiStore`: the engine that keeps used `jti`s for several Envoys.

use std::ops::RangeInclusive;

use crate::document::{Faults, Field};

/// The longest `cluster`, `authority` and `keyPrefix`, in bytes.
const MAX_NAME_BYTES: usize = 256;

const DEFAULT_KEY_PREFIX: &str = "jwt-auth/jti/";

/// Less than 10 ms is not enough for an engine that writes to a disk; longer than 5 s no client waits.
const TIMEOUT_MILLISECONDS: RangeInclusive<u64> = 10..=5000;
const DEFAULT_TIMEOUT_MILLISECONDS: u64 = 250;

/// The engine that keeps used `jti`s for several Envoys, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JtiStore {
    /// `kind`.
    pub engine: Engine,
    /// The Envoy cluster to call.
    pub cluster: String,
    /// The host that the calls name.
    pub authority: String,
    /// The beginning of each key. Filters with the same prefix share the used `jti`s.
    pub key_prefix: String,
    /// For all attempts of a request together.
    pub timeout_milliseconds: u32,
    /// `onFailure`: whether this process decides alone while the engine gives no answer.
    pub falls_back: bool,
}

/// `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// etcd 3, through its gRPC.
    Etcd,
    /// Redis 7, through Webdis.
    Redis,
}

impl Engine {
    /// The value of `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Redis => "redis",
        }
    }
}

impl JtiStore {
    /// Reads `jtiStore`. Configuration errors: a missing or unknown field, an unknown `kind` or `onFailure`, an
    /// `authority` that is not one, a `timeoutMilliseconds` out of its range.
    pub(crate) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let engine = section.required("kind", faults).and_then(|field| {
            one_of(&field, &[Engine::Etcd, Engine::Redis].map(|engine| (engine.name(), engine)), faults)
        });
        let cluster =
            section.required("cluster", faults).and_then(|field| field.name_of_at_most(MAX_NAME_BYTES, faults));
        let authority = section.optional("authority").map(|field| authority(&field, faults));
        let key_prefix = section.optional("keyPrefix").map(|field| field.name_of_at_most(MAX_NAME_BYTES, faults));
        let timeout = section.optional("timeoutMilliseconds");
        let timeout = timeout.and_then(|field| field.integer(TIMEOUT_MILLISECONDS, faults));
        let falls_back =
            section.optional("onFailure").map(|field| one_of(&field, &[("refuse", false), ("local", true)], faults));
        section.finish(faults);
        let cluster = cluster?;
        Some(Self {
            engine: engine?,
            authority: authority.unwrap_or_else(|| Some(plain_authority(&cluster)))?,
            cluster,
            key_prefix: key_prefix.unwrap_or_else(|| Some(DEFAULT_KEY_PREFIX.to_owned()))?,
            timeout_milliseconds: timeout.unwrap_or(DEFAULT_TIMEOUT_MILLISECONDS) as u32,
            falls_back: falls_back.unwrap_or(Some(false))?,
        })
    }
}

impl JtiStore {
    /// The same engine for proofs, under keys of their own.
    pub(crate) fn for_proofs(self) -> Self {
        Self { key_prefix: format!("{}dpop/", self.key_prefix), ..self }
    }
}

fn one_of<T: Copy>(field: &Field, choices: &[(&str, T)], faults: &mut Faults) -> Option<T> {
    let text = field.string(faults)?;
    let choice = choices.iter().find_map(|&(name, choice)| (name == text).then_some(choice));
    if choice.is_none() {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        faults.report(field.path(), format!("expected {}", names.join(" or ")));
    }
    choice
}

/// A host with an optional port. Names with other characters would be an invalid header.
fn authority(field: &Field, faults: &mut Faults) -> Option<String> {
    let text = field.name_of_at_most(MAX_NAME_BYTES, faults)?;
    if text.bytes().all(is_of_authority) {
        return Some(text);
    }
    faults.report(field.path(), "expected a host, or host:port");
    None
}

/// The name of a cluster as an authority: Envoy's names may have characters that are not allowed there.
fn plain_authority(cluster: &str) -> String {
    cluster.chars().map(|c| if c.is_ascii() && is_of_authority(c as u8) { c } else { '_' }).collect()
}

fn is_of_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte)
}

#[cfg(test)]
mod tests;
