//! `jwt-auth check`: warnings about how `remoteJwks` fetches keys.

mod support;

use serde_json::Value;
use support::jwt_auth;

/// A bootstrap with a plugin that fetches keys, and the YAML of a cluster. The plugin's configuration is on line 6, the
/// cluster on line 9.
fn bootstrap(vm: &str, plugin: &str, cluster: &str, more: &str) -> String {
    let config = |vm: &str, value: &str| {
        format!("{{vm_config: {vm}, configuration: {{'@type': a/google.protobuf.Struct, value: {{{value}}}}}}}")
    };
    let ours = config(vm, &format!("parameter: t, {plugin}"));
    let theirs = config("{vm_id: theirs}", "a: 1");
    format!(
        "{more}
static_resources:
  listeners:
  - http_filters:
    - name: jwt-auth
      typed_config: {{config: {ours}}}
    - {{name: other, typed_config: {{config: {theirs}}}}}
  clusters:
  - {cluster}
"
    )
}

/// Line, field and problem of each warning, without that about the guard.
fn warnings(file: &str) -> Vec<String> {
    let answer = jwt_auth(&["check", "--config", "-", "--json"], file.as_bytes());
    assert_eq!(answer.status, 0, "{answer:?}");
    let json = answer.json();
    let all = json["plugins"][0]["warnings"].as_array().unwrap().iter().filter(|warning| warning["field"] != "outcome");
    let text = |warning: &Value, name: &str| warning[name].as_str().unwrap().to_owned();
    all.map(|warning| format!("{} {}: {}", warning["line"], text(warning, "field"), text(warning, "problem"))).collect()
}

const VM: &str = "{vm_id: ours}";
const DISCOVERY: &str = "remoteJwks: {discovery: 'https://issuer.example', cluster: issuer}";
const CONTEXT: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

/// A cluster whose TLS context has these members.
fn cluster(members: &str, more: &str) -> String {
    format!("{{name: issuer, {more} transport_socket: {{typed_config: {{'@type': {CONTEXT}, {members}}}}}}}")
}

#[test]
fn a_cluster_through_which_others_could_send_keys_gets_a_warning() {
    let any = "9 remoteJwks.cluster: the cluster \"issuer\" accepts every certificate, so anyone who can redirect the \
               connection can send keys. Add trusted_ca and match_typed_subject_alt_names";
    let name = "9 remoteJwks.cluster: the cluster \"issuer\" accepts every certificate of its CAs, for whatever name, \
                so anyone who has one and can redirect the connection can send keys. Add match_typed_subject_alt_names \
                with the host of the URL";
    let sni = "9 remoteJwks.cluster: the cluster \"issuer\" has no sni. Many servers then answer with the certificate \
               of another host, or not at all. Set it to the host of the URL";
    let plain = "9 remoteJwks.cluster: the URL is https, but the cluster \"issuer\" has no TLS. https in the URL does \
                 not turn it on: add a transport_socket to the cluster";
    let missing = "6 remoteJwks.cluster: the file has no cluster \"issuer\", so no keys can be fetched. Add it to \
                   static_resources";
    let validation = |members: &str| format!("common_tls_context: {{validation_context: {{{members}}}}}");
    let good = validation("trusted_ca: {filename: ca}, match_typed_subject_alt_names: [{san_type: DNS}]");
    let untrusted = validation(
        "trusted_ca: {filename: ca}, match_typed_subject_alt_names: [a], trust_chain_verification: ACCEPT_UNTRUSTED",
    );
    let no_name = validation("trusted_ca: {filename: ca}");
    let camel =
        "commonTlsContext: {validationContext: {trustedCa: {filename: ca}, matchTypedSubjectAltNames: [{a: b}]}}";
    let auto = "typed_extension_protocol_options: {a: {upstream_http_protocol_options: \
                {auto_sni: true, auto_san_validation: true}}},";
    let proxied = format!(
        "{{name: issuer, transport_socket: {{typed_config: {{'@type': a/b.ProxyProtocolUpstreamTransport, \
         transport_socket: {{typed_config: {{'@type': {CONTEXT}, sni: a, {no_name}}}}}}}}}}}"
    );
    for (case, cluster, expected) in [
        ("good", cluster(&format!("sni: a, {good}"), ""), vec![]),
        ("camel case", cluster(&format!("sni: a, {camel}"), ""), vec![]),
        ("by the host", cluster(&no_name, auto), vec![]),
        ("no sni", cluster(&good, ""), vec![sni]),
        ("no name", cluster(&format!("sni: a, {no_name}"), ""), vec![name]),
        ("neither", cluster(&no_name, ""), vec![sni, name]),
        ("no CA", cluster("sni: a", ""), vec![any]),
        ("untrusted", cluster(&format!("sni: a, {untrusted}"), ""), vec![any]),
        ("pinned", cluster(&format!("sni: a, {}", validation("verify_certificate_spki: [a]")), ""), vec![]),
        (
            "a secret",
            cluster("sni: a, common_tls_context: {validation_context_sds_secret_config: {name: a}}", ""),
            vec![],
        ),
        ("inside", proxied, vec![name]),
        ("plain", "{name: issuer}".to_owned(), vec![plain]),
        ("other", "{name: other}".to_owned(), vec![missing]),
    ] {
        assert_eq!(warnings(&bootstrap(VM, DISCOVERY, &cluster, "")), expected, "{case}");
    }
    let cds = "dynamic_resources: {cds_config: {ads: {}}}";
    assert_eq!(warnings(&bootstrap(VM, DISCOVERY, "{name: other}", cds)), Vec::<String>::new(), "from elsewhere");
    let google =
        "remoteJwks: {discovery: 'https://issuer.example', cluster: issuer, jwksAuthority: a, jwksCluster: keys}";
    let good = cluster(&format!("sni: a, {good}"), "");
    let keys = missing.replace("cluster:", "jwksCluster:").replace("issuer", "keys");
    assert_eq!(warnings(&bootstrap(VM, google, &good, "")), [keys]);
}

#[test]
fn keys_without_tls_or_without_an_issuer_get_a_warning() {
    let http = "the keys are fetched without TLS: anyone who can change this traffic can forge tokens. Use http only \
                for a server or sidecar on the same machine";
    let any = "without issuer, the keys verify tokens with any iss. Set it to the iss of the tokens";
    let other = "the keys verify only tokens of \"a\", which the field `issuer` beside remoteJwks does not allow, so \
                 they are of no use. Add it there, or remove that field";
    for (plugin, expected) in [
        ("remoteJwks: {uri: 'HTTP://a', cluster: c, issuer: a}", vec![format!("remoteJwks.uri: {http}")]),
        ("remoteJwks: [{discovery: 'http://a', cluster: c}]", vec![format!("remoteJwks[0].discovery: {http}")]),
        ("remoteJwks: {uri: 'https://a', cluster: c}", vec![format!("remoteJwks.issuer: {any}")]),
        ("remoteJwks: {uri: 'https://a', cluster: c}\nissuer: a", vec![]),
        ("remoteJwks: {uri: 'https://a', cluster: c, issuer: a}\nissuer: [b, a]", vec![]),
        (
            "remoteJwks: {uri: 'https://a', cluster: c, issuer: a}\nissuer: b",
            vec![format!("remoteJwks.issuer: {other}")],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|warning| format!("2 {warning}")).collect();
        assert_eq!(warnings(&format!("parameter: t\n{plugin}\n")), expected, "{plugin}");
    }
    // With TLS in the cluster, the traffic is protected.
    let http = "remoteJwks: {uri: 'http://a', cluster: issuer, issuer: a}";
    let tls = cluster("sni: a, common_tls_context: {validation_context_sds_secret_config: {name: a}}", "");
    assert_eq!(warnings(&bootstrap(VM, http, &tls, "")), Vec::<String>::new());
}

#[test]
fn another_filter_that_could_replace_the_keys_gets_a_warning() {
    let none = "6 vm_config.vm_id: there is no vm_id, so any other Wasm filter without one can replace the fetched \
                keys. Set a vm_id that no other filter has";
    let same = "6 vm_config.vm_id: the Wasm filter \"other\" has the same vm_id, so it can replace the fetched keys. \
                Set a vm_id that no other filter has";
    let tls = cluster("sni: a, common_tls_context: {validation_context_sds_secret_config: {name: a}}", "");
    for (vm, expected) in
        [("{}", vec![none]), ("{vm_id: ''}", vec![none]), ("{vm_id: theirs}", vec![same]), (VM, vec![])]
    {
        assert_eq!(warnings(&bootstrap(vm, DISCOVERY, &tls, "")), expected, "{vm}");
    }
    let own_keys = "jwk: {kty: oct, alg: HS256, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";
    assert_eq!(warnings(&bootstrap("{}", own_keys, &tls, "")), Vec::<String>::new());
}
