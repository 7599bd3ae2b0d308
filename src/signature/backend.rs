//! Whether the host or this module verifies signatures.

use super::host::HostSignatures;
use super::self_test;
use crate::document::Fault;

/// Where signatures are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureBackend {
    /// The host's check where it knows the algorithm, this crate's libraries for the rest.
    Host,
    /// This crate's libraries for every algorithm.
    Wasm,
}

impl SignatureBackend {
    /// The backend that a host is good for: its own check if that tells known signatures from forged ones.
    pub fn for_host(host: &dyn HostSignatures) -> Self {
        if self_test::passes(host) { Self::Host } else { Self::Wasm }
    }

    /// Reads Envoy's `vm_config.configuration`, with which an operator or a test forces a backend: nothing, to let the
    /// self-test choose (`None`), `signatures: host` or `signatures: wasm`.
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
