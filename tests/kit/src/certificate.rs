//! Certificates for servers over TLS, and the CAs that issue them, made when a test runs.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority with a key of its own. Two of them have the same name, and differ in their keys only.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate with its private key.
pub struct Certificate {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: String,
    private_key_pem: String,
}

impl Ca {
    /// A new CA.
    #[expect(clippy::new_without_default, reason = "each one is different")]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("CA of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, new_key()).expect("a certificate of a CA"))
    }

    /// Its certificate, which verifies those that it issued.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this DNS name (which may be a wildcard) or IP address, valid for centuries.
    ///
    /// # Panics
    /// When `name` is neither.
    pub fn issue(&self, name: &str) -> Certificate {
        self.certificate(params(name))
    }

    /// Like [`Self::issue`], but the certificate expired in 2020.
    ///
    /// # Panics
    /// When `name` is neither a DNS name nor an IP address.
    pub fn issue_expired(&self, name: &str) -> Certificate {
        let mut params = params(name);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.certificate(params)
    }

    fn certificate(&self, params: CertificateParams) -> Certificate {
        let key = new_key();
        let certificate = params.signed_by(&key, &self.0).expect("a signature");
        let (pem, private_key_pem) = (certificate.pem(), key.serialize_pem());
        Certificate { certificate: certificate.into(), key: key.into(), pem, private_key_pem }
    }
}

impl Certificate {
    /// The certificate for a server or client that reads it from a file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its private key.
    pub fn private_key_pem(&self) -> &str {
        &self.private_key_pem
    }

    /// How a server with this certificate speaks TLS 1.2 and 1.3.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring supports the versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key());
        Arc::new(config.expect("the key is that of the certificate"))
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ca")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a DNS name or an IP address");
    params.distinguished_name = common_name("server of a test");
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key for P-256")
}
