//! Tests the host's signature verification with signatures that are known to be valid.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::host::{self, HostSignatures};
use crate::key::{Algorithm, Curve, VerifyingKey};

/// A valid signature and its public key. All but the signing input is in base64url.
struct Known {
    algorithm: Algorithm,
    /// `n` and `e`, or `x` and `y`.
    key: [&'static str; 2],
    signing_input: &'static str,
    signature: &'static str,
}

const KNOWN: [Known; 4] = [
    // RFC 7515 A.2
    Known {
        algorithm: Algorithm::Rs256,
        key: [
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-\
        Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-\
        pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-\
        UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-\
        DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "AQAB",
        ],
        signing_input: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9\
        pc19yb290Ijp0cnVlfQ",
        signature: "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-\
        0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--\
        f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHW\
        EsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypG\
        lUPQGe77Rw",
    },
    // RFC 7515 A.3
    Known {
        algorithm: Algorithm::Es256,
        key: ["f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"],
        signing_input: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9\
        pc19yb290Ijp0cnVlfQ",
        signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    },
    // RFC 7515 A.4
    Known {
        algorithm: Algorithm::Es512,
        key: [
            "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        ],
        signing_input: "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
        signature: "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-\
        mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYb\
        SW9ERBXukOXolLzeO_Jn",
    },
    // Made with jwcrypto: tests/vectors, "ES384 jwcrypto 1.6.1"
    Known {
        algorithm: Algorithm::Es384,
        key: [
            "5Ey5_k5jbjYiYun4VkNj_wlKEQCuRFPPoJIzpyIZ7B3i2CpBhexG6T2ZWpU5drI-",
            "9beJUKM67jsoep5pzwPH8Ll0x4bOJyfuT7C_8JkRMZDu4nN-Ul8AzI59jeDQKhM3",
        ],
        signing_input: "eyJhbGciOiJFUzM4NCIsImtpZCI6Imp3Y3J5cHRvLUVTMzg0IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vl\
        ci5leGFtcGxlIiwic3ViIjoidXNlci0yOSIsImF1ZCI6Im9yZGVycyIsInVzZXJJZCI6IjEyMTMyNjMiLCJpYXQiOjE3MDAw\
        MDAwMDAsImV4cCI6NDEwMjQ0NDgwMCwianRpIjoianRpLTI5In0",
        signature: "SUMyjxY_pjQlEdqWR1XrsrJQxIPtQ_01tshX7woVJpvCmSuxUAJZHBzJduCD2xsx7H3_RjES7WGYOiEnmkmar57-SY93xr-\
        Oxt2h9Pq23oiZwvAAJ2oEvsssWZQjAgpU",
    },
];

/// Whether the host accepts each known signature, and rejects it for a changed signing input. False for a host that
/// can't verify signatures.
pub(super) fn passes(host: &dyn HostSignatures) -> bool {
    KNOWN.iter().all(|known| known.is_judged_correctly(host).unwrap_or(false))
}

impl Known {
    fn is_judged_correctly(&self, host: &dyn HostSignatures) -> Option<bool> {
        let decode = |text| URL_SAFE_NO_PAD.decode(text).ok();
        let [first, second] = self.key;
        let (first, second) = (decode(first)?, decode(second)?);
        let key = match self.algorithm {
            Algorithm::Es256 => VerifyingKey::ec(Curve::P256, &first, &second),
            Algorithm::Es384 => VerifyingKey::ec(Curve::P384, &first, &second),
            Algorithm::Es512 => VerifyingKey::ec(Curve::P521, &first, &second),
            _ => VerifyingKey::rsa(&first, &second),
        };
        let (key, signature) = (key.ok()?, decode(self.signature)?);
        let verify = |text: &[u8]| host::verify(host, self.algorithm, &key, text, &signature);
        let forged = [self.signing_input, "."].concat();
        Some(verify(self.signing_input.as_bytes())? && !verify(forged.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_accepts_only_the_known_signatures_passes() {
        for known in &KNOWN {
            assert_eq!(known.is_judged_correctly(&InProcess), Some(true), "{:?}", known.algorithm);
        }
        assert!(passes(&InProcess));
    }

    #[test]
    fn a_host_that_answers_wrong_or_not_at_all_does_not_pass() {
        struct Answers(Option<&'static [u8]>);
        impl HostSignatures for Answers {
            fn verify_signature(&self, _: &[u8]) -> Option<Vec<u8>> {
                self.0.map(<[u8]>::to_vec)
            }
        }
        for answer in [None, Some(&[][..]), Some(&[8, 1]), Some(&[8, 0]), Some(&[8, 1, 0])] {
            assert!(!passes(&Answers(answer)), "{answer:?}");
        }
    }

    /// Answers as Envoy does: it decodes the message with Envoy's schema and accepts the known signing inputs.
    struct InProcess;
    impl HostSignatures for InProcess {
        fn verify_signature(&self, message: &[u8]) -> Option<Vec<u8>> {
            let request = VerifySignatureArguments::decode(message).ok()?;
            let known = KNOWN.iter().find(|known| known.signing_input == request.text);
            let Some(known) = known else {
                return Some(b"\x12\x05wrong".to_vec());
            };
            let hash = match known.algorithm {
                Algorithm::Es384 => "sha384",
                Algorithm::Es512 => "sha512",
                _ => "sha256",
            };
            assert_eq!(request.hash_function, hash);
            assert!(request.public_key.starts_with(&[0x30]), "SubjectPublicKeyInfo is a DER sequence");
            assert!(known.algorithm == Algorithm::Rs256 || request.signature.starts_with(&[0x30]), "DER, not r || s");
            Some(vec![8, 1])
        }
    }

    use prost::Message as _;

    /// Envoy's `VerifySignatureArguments`.
    #[derive(Clone, PartialEq, prost::Message)]
    struct VerifySignatureArguments {
        #[prost(string, tag = "1")]
        hash_function: String,
        #[prost(bytes = "vec", tag = "2")]
        public_key: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        signature: Vec<u8>,
        #[prost(string, tag = "4")]
        text: String,
    }
}
