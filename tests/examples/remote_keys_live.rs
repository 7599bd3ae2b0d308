//! The configurations of `envoy/` that fetch keys, each in a live Envoy, with servers here in place of the issuer's. Only
//! addresses and the file of CAs are replaced, so the rest of each file is what decides.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use kit::certificate::Ca;
use kit::envoy::{self, Envoy};
use kit::http::{RequestBuilder, exchange};
use kit::issuer::{Algorithm, SigningKey};
use kit::key_server::{Answer, KeyServer};
use kit::proxy::now;
use kit::upstream::Upstream;
use serde_json::{Value as Json, json};

use crate::published::{Issuer, KID, certified_name};
use crate::remote_keys::{bootstrap, calls, configuration, with_local_paths};
use crate::{at, at_mut, read};

/// What is wrong with the certificate of the host that keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// The CA has issued it for another name.
    Name,
    /// It is from another CA.
    Ca,
}

/// The servers of an issuer, one for each host, with the name of the cluster for it.
fn servers(issuer: Issuer, key: &SigningKey, ca: &Ca, wrong: Wrong) -> Vec<(String, KeyServer)> {
    let file = issuer.file();
    let hosts = calls(at(&configuration(file, &bootstrap(file)), "remoteJwks"));
    let last = hosts.len() - 1;
    let (path, metadata) = issuer.metadata();
    let keys_url = metadata["jwks_uri"].as_str().unwrap();
    let server = |(index, (host, cluster)): (usize, (String, String))| {
        let certificate = match wrong {
            Wrong::Name if index == last => ca.issue("other.example"),
            Wrong::Ca if index == last => Ca::new().issue(certified_name(&host)),
            _ => ca.issue(certified_name(&host)),
        };
        let server = KeyServer::start_tls(&certificate).unwrap();
        server.set(path, Answer::json(&metadata));
        if let Some(path) = keys_url.strip_prefix(&format!("https://{host}")) {
            let set = Answer::json(&issuer.key_set(key)).header("cache-control", issuer.cache_control());
            server.set(path, set);
        }
        (cluster, server)
    };
    hosts.into_iter().enumerate().map(server).collect()
}

fn start(binary: &Path, issuer: Issuer, servers: &[(String, KeyServer)], cas: &Path, upstream: SocketAddr) -> Envoy {
    let mut bootstrap = with_local_paths(bootstrap(issuer.file()));
    let addresses = servers.iter().map(|(cluster, server)| (cluster.as_str(), server.address()));
    for (cluster, address) in addresses.chain([("upstream", upstream)]) {
        let cluster = at_mut(&mut bootstrap, &format!("static_resources/clusters/@{cluster}"));
        *at_mut(cluster, "load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address") =
            serde_yaml::to_value(json!({"address": address.ip(), "port_value": address.port()})).unwrap();
        if cluster.get("transport_socket").is_some() {
            let file = "transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename";
            *at_mut(cluster, file) = cas.to_str().unwrap().into();
        }
    }
    let text = serde_yaml::to_string(&bootstrap).unwrap();
    Envoy::start_with(binary, "envoy.yaml", &text, 1).unwrap_or_else(|error| panic!("{issuer:?}: {error}"))
}

/// A token of the issuer with the audience of its file, for `alice`.
fn token(issuer: Issuer, key: &SigningKey) -> String {
    let configuration = configuration(issuer.file(), &bootstrap(issuer.file()));
    let field = |path: &str| -> Json { serde_json::to_value(at(&configuration, path)).unwrap() };
    let claims = json!({
        "iss": field("remoteJwks/discovery"), "aud": field("audiences/0"), "sub": "alice", "oid": "alice",
        "iat": now(), "exp": now() + 300,
    });
    key.token(Some(KID), &claims)
}

/// The token of the readiness probe in `docs/operate.md`.
fn probe() -> String {
    let text = read("docs/operate.md");
    let (_, token) = text.split_once("Authorization: Bearer ").expect("a probe");
    token.split('`').next().unwrap().to_owned()
}

fn try_certificate(binary: &Path, issuer: Issuer, wrong: Wrong) {
    let key = SigningKey::cached(Algorithm::RS256);
    let (ca, upstream, folder) = (Ca::new(), Upstream::start(), tempfile::tempdir().unwrap());
    let cas = folder.path().join("ca-certificates.crt");
    std::fs::write(&cas, ca.pem()).unwrap();
    let servers = servers(issuer, &key, &ca, wrong);
    let envoy = start(binary, issuer, &servers, &cas, upstream.address());
    let send = |token: &str| {
        let request = RequestBuilder::get("/").header("authorization", format!("Bearer {token}"));
        exchange(&envoy.address("main").unwrap(), &request.build()).unwrap()
    };
    let response = send(&token(issuer, &key));
    let code = response.header("x-ca-error-code").map(|code| String::from_utf8_lossy(code).into_owned());
    let expected = if wrong == Wrong::Nothing { (200, None) } else { (503, Some("S503JW".to_owned())) };
    assert_eq!((response.status, code), expected, "{issuer:?}, wrong {wrong:?}: {}", envoy.log());
    if wrong == Wrong::Nothing {
        let user = response.echoed().unwrap().header("x-user").map(<[u8]>::to_vec);
        assert_eq!(user.as_deref(), Some(&b"alice"[..]), "{issuer:?}");
    }
    let readiness = send(&probe()).status;
    assert_eq!(readiness, if wrong == Wrong::Nothing { 403 } else { 503 }, "{issuer:?}, wrong {wrong:?}: the probe");
    let (cluster, _) = servers.last().unwrap();
    for (stat, of) in [("fail_verify_san", Wrong::Name), ("fail_verify_error", Wrong::Ca)] {
        let count = envoy.stat(&format!("cluster.{cluster}.ssl.{stat}")).unwrap();
        assert_eq!(count > 0, wrong == of, "{issuer:?}, wrong {wrong:?}: {stat} is {count}");
    }
}

fn try_certificates(issuer: Issuer) {
    for binary in envoy::binaries() {
        thread::scope(|scope| {
            for wrong in [Wrong::Nothing, Wrong::Name, Wrong::Ca] {
                let binary = &binary;
                scope.spawn(move || try_certificate(binary, issuer, wrong));
            }
        });
    }
}

#[test]
fn keycloak_yaml_takes_keys_from_a_server_with_its_certificate_only() {
    try_certificates(Issuer::Keycloak);
}

#[test]
fn auth0_yaml_takes_keys_from_a_server_with_its_certificate_only() {
    try_certificates(Issuer::Auth0);
}

#[test]
fn entra_id_yaml_takes_keys_from_a_server_with_its_certificate_only() {
    try_certificates(Issuer::EntraId);
}

#[test]
fn google_yaml_takes_keys_from_servers_with_their_certificates_only() {
    try_certificates(Issuer::Google);
}
