//! The key server over TLS, asked by a client of rustls and by each Envoy that `ENVOY_BINARIES` lists.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use kit::bootstrap::{Cluster, Tls};
use kit::certificate::Ca;
use kit::envoy::binaries;
use kit::http::RequestBuilder;
use kit::key_server::{Answer, KeyServer, Place};
use kit::upstream::Upstream;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::cluster::{envoy_with, get};

const NAME: &str = "issuer.example";

/// A server over TLS that gives this answer to `/keys`.
fn serving(certificate: &kit::certificate::Certificate, answer: Answer) -> KeyServer {
    let server = KeyServer::start_tls(certificate).expect("a free port");
    server.set("/keys", answer);
    server
}

/// All bytes that the server sends to a request for `/keys`, if its certificate is one of `ca` for `name`.
fn ask(server: &KeyServer, ca: &Ca, name: &str) -> io::Result<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).expect("PEM")).expect("a CA");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");

    let socket = TcpStream::connect(server.address())?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(&RequestBuilder::get("/keys").header("connection", "close").build())?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received)?;
    Ok(received)
}

/// Why the client did not accept the certificate.
fn certificate_error(result: io::Result<Vec<u8>>) -> CertificateError {
    let error = result.expect_err("no answer").into_inner().expect("an error of rustls");
    match *error.downcast().expect("an error of rustls") {
        rustls::Error::InvalidCertificate(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_certificate_is_accepted_for_its_name_and_ca_only() {
    let ca = Ca::new();
    let server = serving(&ca.issue(NAME), Answer::new(200).body("keys"));
    let answer = b"HTTP/1.1 200 \r\ncontent-length: 4\r\n\r\nkeys";
    assert_eq!(ask(&server, &ca, NAME).expect("an answer"), answer);
    assert_eq!(server.received()[0].server_name.as_deref(), Some(NAME));

    assert_eq!(certificate_error(ask(&server, &Ca::new(), NAME)), CertificateError::BadSignature);
    let wrong_name = certificate_error(ask(&server, &ca, "other.example"));
    assert!(matches!(wrong_name, CertificateError::NotValidForNameContext { .. }), "{wrong_name:?}");
    let expired = serving(&ca.issue_expired(NAME), Answer::new(200));
    let too_late = certificate_error(ask(&expired, &ca, NAME));
    assert!(matches!(too_late, CertificateError::ExpiredContext { .. }), "{too_late:?}");
    assert_eq!((server.requests("/keys"), expired.requests("/keys")), (1, 0));

    let by_address = serving(&ca.issue("127.0.0.1"), Answer::new(200).body("keys"));
    assert_eq!(ask(&by_address, &ca, "127.0.0.1").expect("an answer"), answer);
    assert_eq!(by_address.received()[0].server_name, None);
    let wildcard = serving(&ca.issue("*.issuer.example"), Answer::new(200).body("keys"));
    assert_eq!(ask(&wildcard, &ca, "keys.issuer.example").expect("an answer"), answer);
}

#[test]
fn answers_over_tls_misbehave_as_without() {
    let ca = Ca::new();
    let mut server = serving(&ca.issue(NAME), Answer::new(200).padded_to(3 << 20));
    assert!(ask(&server, &ca, NAME).expect("an answer").ends_with(&vec![b' '; 3 << 20]));
    for (answer, expected) in [
        (Answer::new(200).body("keys").close(Place::BeforeHead), ""),
        (Answer::new(200).body("keys").close(Place::InBody), "HTTP/1.1 200 \r\ncontent-length: 4\r\n\r\nke"),
        (Answer::raw("\u{1}\u{2}"), "\u{1}\u{2}"),
    ] {
        server.set("/keys", answer);
        assert_eq!(String::from_utf8(ask(&server, &ca, NAME).expect("an end")).expect("text"), expected);
    }

    server.stop();
    assert_eq!(ask(&server, &ca, NAME).map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionRefused));
    server.restart().expect("the same port");
    assert_eq!(ask(&server, &ca, NAME).expect("an answer"), b"\x01\x02");
}

#[test]
fn envoy_accepts_the_right_ca_and_name_only() {
    let (ca, other_ca) = (Ca::new(), Ca::new());
    let answer = Answer::new(200).body("keys");
    let server = serving(&ca.issue(NAME), answer.clone());
    let by_address = serving(&ca.issue("127.0.0.1"), answer.clone());
    let expired = serving(&ca.issue_expired(NAME), answer.clone());
    let plain = KeyServer::start().expect("a free port");

    let cluster = |name, server: &KeyServer, ca: &Ca, subject_alt_name: Option<&str>| {
        let subject_alt_name = subject_alt_name.map(str::to_owned);
        let tls = Tls { sni: NAME.into(), ca_pem: ca.pem(), subject_alt_name };
        (name, Cluster::new(name, server.address()).over_tls(tls))
    };
    let address = Ipv4Addr::LOCALHOST.to_string();
    let clusters = [
        cluster("keys", &server, &ca, Some(NAME)),
        cluster("by-address", &by_address, &ca, Some(&address)),
        cluster("any-name", &by_address, &ca, None),
        cluster("wrong-ca", &server, &other_ca, Some(NAME)),
        cluster("wrong-name", &by_address, &ca, Some(NAME)),
        cluster("wrong-address", &server, &ca, Some(&address)),
        cluster("expired", &expired, &ca, Some(NAME)),
        cluster("plain", &plain, &ca, Some(NAME)),
    ];
    let counters = [
        ("wrong-ca", "ssl.fail_verify_error"),
        ("wrong-name", "ssl.fail_verify_san"),
        ("wrong-address", "ssl.fail_verify_san"),
        ("expired", "ssl.fail_verify_error"),
        // It waits for the end of what it takes for a request, and Envoy for a handshake.
        ("plain", "upstream_cx_connect_timeout"),
    ];
    for path in clusters.iter().map(|(name, _)| format!("/{name}")) {
        for server in [&server, &by_address, &expired, &plain] {
            server.set(&path, answer.clone());
        }
    }

    for binary in binaries() {
        let upstream = Upstream::start();
        let envoy = envoy_with(&binary, &upstream, &clusters);
        for path in ["/keys", "/by-address", "/any-name"] {
            let response = get(&envoy, path);
            assert_eq!((response.status, response.body.as_slice()), (200, b"keys".as_slice()), "{path}");
        }
        for (name, counter) in counters {
            let response = get(&envoy, &format!("/{name}"));
            assert_eq!(response.status, 503, "{name}: {}", response.text());
            assert_eq!(envoy.stat(&format!("cluster.{name}.{counter}")), Ok(1), "{name}");
        }
    }

    let received = server.received();
    let seen = received.iter().map(|one| (one.request.target.as_slice(), one.server_name.as_deref()));
    assert_eq!(seen.collect::<Vec<_>>(), vec![(b"/keys".as_slice(), Some(NAME)); binaries().len()]);
    assert_eq!(by_address.received().len(), 2 * binaries().len());
    assert_eq!((expired.received().len(), plain.received().len()), (0, 0));
}
