//! The choice between the host's signature verification and this crate's.

use super::host::HostSignatures;
use super::self_test;
use crate::document::Fault;

/// What verifies signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureBackend {
    /// The host for the algorithms that it supports, this crate's libraries for the others.
    Host,
    /// This crate's libraries for every algorithm.
    Wasm,
}

impl SignatureBackend {
    /// The backend for a host: [`Self::Host`] if the host accepts known valid signatures and rejects forged ones,
    /// otherwise [`Self::Wasm`]. Makes up to eight calls of the host.
    pub fn for_host(host: &dyn HostSignatures) -> Self {
        if self_test::passes(host) { Self::Host } else { Self::Wasm }
    }

    /// Reads Envoy's `vm_config.configuration`: `signatures: host` or `signatures: wasm` forces a backend. An empty one
    /// gives `None`, and [`Self::for_host`] chooses. Anything else is a configuration error.
    pub(crate) fn from_vm_configuration(text: &[u8]) -> Result<Option<Self>, Fault> {
        match text.trim_ascii() {
            b"" => Ok(None),
            b"signatures: host" => Ok(Some(Self::Host)),
            b"signatures: wasm" => Ok(Some(Self::Wasm)),
            _ => {
                Err(Fault::new("vm_config.configuration", "expected nothing, `signatures: host` or `signatures: wasm`"))
            }
        }
    }
}
