use std::cell::Cell;

use jwt_auth::HostSignatures;
use ring::signature::{self as rings, UnparsedPublicKey};

/// A model of Envoy's `verify_signature`. It has its own parser for the message, and verifies with `ring`, which shares
/// no code with the filter's libraries. It supports RS256, RS384 and RS512 with keys of 2048 bits, ES256 and ES384.
///
/// It panics on a message that Envoy would not understand.
#[derive(Debug, Default)]
pub struct RingSignatures {
    calls: Cell<usize>,
}

impl RingSignatures {
    /// How many signatures it has been asked to verify.
    pub fn calls(&self) -> usize {
        self.calls.get()
    }
}

impl HostSignatures for RingSignatures {
    fn verify_signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.calls.set(self.calls.get() + 1);
        let [hash, key, signature, text] = fields(message);
        let (algorithm, bits) = algorithm_of(hash, key);
        match UnparsedPublicKey::new(algorithm, bits).verify(text, signature) {
            Ok(()) => Some(vec![0x08, 0x01]),
            Err(_) => Some([b"\x12\x03".as_slice(), b"bad"].concat()),
        }
    }
}

/// The four fields of the message, each once and in order.
fn fields(message: &[u8]) -> [&[u8]; 4] {
    let mut rest = message;
    let fields = [1, 2, 3, 4].map(|number| {
        assert_eq!(rest[0], number << 3 | 2, "the key of field {number}");
        rest = &rest[1..];
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = rest[0];
            rest = &rest[1..];
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let (field, behind) = rest.split_at(length);
        rest = behind;
        field
    });
    assert!(rest.is_empty(), "bytes after the message");
    fields
}

/// The algorithm for ring, and the key in ring's format: the content of the BIT STRING in the SubjectPublicKeyInfo.
fn algorithm_of<'k>(hash: &[u8], key: &'k [u8]) -> (&'static dyn rings::VerificationAlgorithm, &'k [u8]) {
    // RFC 5280 section 4.1.2.7, RFC 5480 section 2, RFC 3279 section 2.3.1, each up to the content of the BIT STRING.
    const P256: &[u8] =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\0";
    const P384: &[u8] = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\0\x22\x03\x62\0";
    const RSA_2048: &[u8] =
        b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\0\x03\x82\x01\x0f\0";
    let prefixes: [(&[u8], &[u8], &'static dyn rings::VerificationAlgorithm); 5] = [
        (b"sha256", P256, &rings::ECDSA_P256_SHA256_ASN1),
        (b"sha384", P384, &rings::ECDSA_P384_SHA384_ASN1),
        (b"sha256", RSA_2048, &rings::RSA_PKCS1_2048_8192_SHA256),
        (b"sha384", RSA_2048, &rings::RSA_PKCS1_2048_8192_SHA384),
        (b"sha512", RSA_2048, &rings::RSA_PKCS1_2048_8192_SHA512),
    ];
    prefixes
        .into_iter()
        .find_map(|(name, prefix, algorithm)| Some((algorithm, key.strip_prefix(prefix).filter(|_| name == hash)?)))
        .unwrap_or_else(|| panic!("{} of {}", hash.escape_ascii(), key.escape_ascii()))
}
