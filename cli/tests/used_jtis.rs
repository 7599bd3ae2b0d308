//! `jwt-auth check`: what `jtiStore` would do, and warnings about it.

mod support;

use kit::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};
use support::{jwt_auth, now};

const MEMORY: &str = "  preventJtiReplay
    keeps    used jtis in the memory of this Envoy; other Envoys don't know them (jtiStore)
";

const ETCD: &str = "  jtiStore
    asks     etcd, after all other checks
    through  the cluster jti-store, as jti-store
    keys     jwt-auth/jti/...; filters with the same keyPrefix share used jtis
    waits    at most 250 ms, all attempts together
";

fn key() -> SigningKey {
    SigningKey::cached(Algorithm::ES256)
}

/// A plugin configuration with these fields.
fn plugin(fields: &str) -> String {
    format!("parameter: X-Token\njwk: {}\npreventJtiReplay: true\n{fields}", key().public_jwk(None, true))
}

/// What `check` shows for these fields after the line with the result, and the JSON of the plugin.
fn check(fields: &str) -> (String, Value) {
    let file = plugin(fields);
    let text = jwt_auth(&["check", "--config", "-"], file.as_bytes());
    let json = jwt_auth(&["check", "--config", "-", "--json"], file.as_bytes());
    assert_eq!((text.status, json.status), (0, 0), "{text:?}");
    let (_, shown) = text.stdout.split_once(": plugin (plugin): no errors\n").expect("a result");
    (shown.to_owned(), json.json()["plugins"][0].clone())
}

#[test]
fn the_place_of_used_jtis_is_shown() {
    let restart =
        "    restart  forgets them; used tokens are accepted again (replayColdStart: refuse rejects them)\n".to_owned();
    let (text, json) = check("");
    assert_eq!(text, MEMORY.to_owned() + &restart);
    assert_eq!((&json["jtiStore"], &json["replayColdStart"]), (&Value::Null, &json!("accept")));

    let (text, json) = check("replayColdStart: refuse");
    let restart = "    restart  forgets them; tokens from before it are rejected (replayColdStart)\n";
    assert_eq!(text, MEMORY.to_owned() + restart);
    assert_eq!((&json["jtiStore"], &json["replayColdStart"]), (&Value::Null, &json!("refuse")));

    let (text, json) = check("jtiStore: {kind: etcd, cluster: jti-store}");
    assert_eq!(text, format!("{ETCD}    else     rejects the request: 503 S503JS\n"));
    let store = json!({
        "kind": "etcd", "cluster": "jti-store", "authority": "jti-store", "keyPrefix": "jwt-auth/jti/",
        "timeoutMilliseconds": 250, "onFailure": "refuse",
    });
    assert_eq!((&json["jtiStore"], &json["replayColdStart"]), (&store, &json!("accept")));

    let redis = "jtiStore: {kind: redis, cluster: c, authority: 'a:1', keyPrefix: \"\\e[1m\", timeoutMilliseconds: 1000, \
                 onFailure: local}";
    let (text, json) = check(redis);
    let lines = "  jtiStore
    asks     Redis, after all other checks
    through  the cluster c, as a:1
    keys     \\u{1b}[1m...; filters with the same keyPrefix share used jtis
    waits    at most 1000 ms, all attempts together
    else     decides alone, from the memory of this Envoy, which a restart empties
";
    assert_eq!(text, lines);
    let store = json!({
        "kind": "redis", "cluster": "c", "authority": "a:1", "keyPrefix": "\u{1b}[1m", "timeoutMilliseconds": 1000,
        "onFailure": "local",
    });
    assert_eq!(json["jtiStore"], store);
    let (text, _) = check("jtiStore: {kind: etcd, cluster: jti-store, onFailure: local}\nreplayColdStart: refuse");
    let alone = "decides alone, from the memory of this Envoy; tokens from before its start are rejected \
                 (replayColdStart)";
    assert_eq!(text, format!("{ETCD}    else     {alone}\n"));
}

#[test]
fn without_replay_protection_nothing_is_shown() {
    let file = plugin("").replace("preventJtiReplay: true", "preventJtiReplay: false");
    let answer = jwt_auth(&["check", "--config", "-"], file.as_bytes());
    assert_eq!((answer.status, answer.stdout.as_str()), (0, "stdin:1:1: plugin (plugin): no errors\n"));
    let json = jwt_auth(&["check", "--config", "-", "--json"], file.as_bytes()).json();
    assert!(json["plugins"][0].get("jtiStore").is_none() && json["plugins"][0].get("replayColdStart").is_none());
}

#[test]
fn a_token_is_accepted_with_a_note_about_who_knows_its_jti() {
    let token = key().token(None, &json!({"exp": now() + 60, "jti": "a"}));
    for (fields, who) in [
        ("", "Envoy"),
        ("jtiStore: {kind: etcd, cluster: c}", "etcd"),
        ("jtiStore: {kind: redis, cluster: c, onFailure: local}\nreplayColdStart: refuse", "Redis"),
    ] {
        let file = plugin(fields);
        let note = format!("preventJtiReplay: only {who} knows whether the jti was used before");
        let answer = jwt_auth(&["check", "--config", "-", "--token", &token], file.as_bytes());
        let end = format!("\naccepted: the request is forwarded to the backend\n  without changes\n  note {note}\n");
        assert!(answer.status == 0 && answer.stdout.ends_with(&end), "{answer:?}");
        let json = jwt_auth(&["check", "--config", "-", "--json", "--token", &token], file.as_bytes()).json();
        assert_eq!((&json["decision"]["accepted"], &json["decision"]["notes"]), (&json!(true), &json!([note])));
    }
}

/// A bootstrap with a plugin and a cluster. The plugin's configuration is on line 5, the cluster on line 7.
fn bootstrap(fields: &str, cluster: &str, more: &str) -> String {
    let jwk = key().public_jwk(None, true);
    let configuration = format!(
        "{{'@type': a/google.protobuf.Struct, value: {{parameter: t, jwk: {jwk}, preventJtiReplay: true, {fields}}}}}"
    );
    format!(
        "{more}
static_resources:
  listeners:
  - http_filters:
    - {{name: jwt-auth, typed_config: {{config: {{vm_config: {{vm_id: a}}, configuration: {configuration}}}}}}}
  clusters:
  - {cluster}
"
    )
}

/// Line, field and problem of each warning of a plugin, without that about the guard.
fn warnings(file: &str, plugin: usize) -> Vec<String> {
    let answer = jwt_auth(&["check", "--config", "-", "--json"], file.as_bytes());
    assert_eq!(answer.status, 0, "{answer:?}");
    let json = answer.json();
    let all = json["plugins"][plugin]["warnings"].as_array().unwrap().iter();
    let all = all.filter(|warning| warning["field"] != "outcome");
    let text = |warning: &Value, name: &str| warning[name].as_str().unwrap().to_owned();
    all.map(|warning| format!("{} {}: {}", warning["line"], text(warning, "field"), text(warning, "problem"))).collect()
}

const HTTP_2: &str = "typed_extension_protocol_options: {a: {explicit_http_config: {http2_protocol_options: {}}}}";
const HTTP_1: &str = "typed_extension_protocol_options: {a: {explicit_http_config: {http_protocol_options: {}}}}";

/// The endpoints of a cluster on these hosts.
fn on(hosts: &[&str]) -> String {
    let endpoints =
        hosts.iter().map(|host| format!("{{endpoint: {{address: {{socket_address: {{address: '{host}'}}}}}}}}"));
    format!("load_assignment: {{endpoints: [{{lb_endpoints: [{}]}}]}}", endpoints.collect::<Vec<_>>().join(", "))
}

#[test]
fn a_cluster_that_is_not_fit_for_the_engine_gets_a_warning() {
    let version_1 = "7 jtiStore.cluster: the cluster \"jtis\" speaks HTTP/1.1, but etcd needs HTTP/2. Add \
                     explicit_http_config: {http2_protocol_options: {}} to its typed_extension_protocol_options";
    let version_2 = "7 jtiStore.cluster: the cluster \"jtis\" speaks HTTP/2, but Webdis needs HTTP/1.1";
    let plain = "7 jtiStore.cluster: the cluster \"jtis\" has no TLS: anyone who can change the traffic with e.example \
                 can have used tokens accepted again. Add a transport_socket to the cluster, or use a sidecar on the \
                 same machine";
    let missing = "5 jtiStore.cluster: the file has no cluster \"jtis\", so the engine can't be asked. Add it to \
                   static_resources";
    let any = "7 jtiStore.cluster: the cluster \"jtis\" accepts every certificate, so anyone who can redirect the \
               connection can have used tokens accepted again. Add trusted_ca and match_typed_subject_alt_names";
    let name = "7 jtiStore.cluster: the cluster \"jtis\" accepts every certificate of its CAs, for whatever name, so \
                anyone who has one and can redirect the connection can have used tokens accepted again. Add \
                match_typed_subject_alt_names with the host of the engine";
    let sni = "7 jtiStore.cluster: the cluster \"jtis\" has no sni. Many servers then answer with the certificate of \
               another host, or not at all. Set it to the host of the engine";
    let cluster = |members: &[&str]| format!("{{name: jtis, {}}}", members.join(", "));
    let tls = |members: &str| {
        let context = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
        format!("transport_socket: {{typed_config: {{'@type': {context}, {members}}}}}")
    };
    let ca = "auto_host_sni: true, common_tls_context: {validation_context: {trusted_ca: {filename: ca}}}";
    let (there, here) = (on(&["127.0.0.1", "e.example"]), on(&["127.0.0.2", "::1", "localhost"]));
    let version_2_field = "http2_protocol_options: {}";
    let auto = "typed_extension_protocol_options: {a: {auto_config: {}}}";
    let (etcd, redis) = ("jtiStore: {kind: etcd, cluster: jtis}", "jtiStore: {kind: redis, cluster: jtis}");
    for (case, store, cluster, expected) in [
        ("local etcd", etcd, cluster(&[HTTP_2, &here]), vec![]),
        ("the old field", etcd, cluster(&[version_2_field, &here]), vec![]),
        ("automatic", etcd, cluster(&[auto, &here]), vec![]),
        ("HTTP/1.1 for etcd", etcd, cluster(&[HTTP_1]), vec![version_1]),
        ("the default for etcd", etcd, cluster(&[&here]), vec![version_1]),
        ("the default for Redis", redis, cluster(&[&here]), vec![]),
        ("HTTP/1.1 for Redis", redis, cluster(&[HTTP_1, &here]), vec![]),
        ("HTTP/2 for Redis", redis, cluster(&[HTTP_2, &here]), vec![version_2]),
        ("no TLS", etcd, cluster(&[HTTP_2, &there]), vec![plain]),
        ("two problems", redis, cluster(&[HTTP_2, &there]), vec![version_2, plain]),
        ("any name", etcd, cluster(&[HTTP_2, &there, &tls(ca)]), vec![name]),
        ("any certificate", etcd, cluster(&[HTTP_2, &there, &tls("sni: a")]), vec![any]),
        (
            "no sni",
            etcd,
            cluster(&[HTTP_2, &tls("common_tls_context: {validation_context_sds_secret_config: {}}")]),
            vec![sni],
        ),
        ("missing", etcd, "{name: other}".to_owned(), vec![missing]),
    ] {
        assert_eq!(warnings(&bootstrap(store, &cluster, ""), 0), expected, "{case}");
    }
    let cds = "dynamic_resources: {cds_config: {ads: {}}}";
    assert_eq!(warnings(&bootstrap(etcd, "{name: other}", cds), 0), Vec::<String>::new(), "from elsewhere");
    // There are no clusters beside a plugin configuration alone.
    assert_eq!(warnings(&plugin(etcd), 0), Vec::<String>::new());
}

#[test]
fn fields_that_do_not_fit_together_get_a_warning() {
    let local = "while etcd does not answer within 70 ms, every Envoy accepts a token once, and once more after a \
                 restart. Set replayColdStart: refuse";
    let idle = "no effect, because Redis remembers used jtis while Envoy is restarted. Remove it; it is for onFailure: \
                local";
    let etcd = "jtiStore: {kind: etcd, cluster: c, timeoutMilliseconds: 70, onFailure: local}";
    let redis = "jtiStore: {kind: redis, cluster: c}";
    for (fields, expected) in [
        (etcd.to_owned(), vec![format!("4 jtiStore.onFailure: {local}")]),
        (format!("{etcd}\nreplayColdStart: refuse"), vec![]),
        (redis.to_owned(), vec![]),
        (format!("{redis}\nreplayColdStart: accept"), vec![]),
        (format!("{redis}\nreplayColdStart: refuse"), vec![format!("5 replayColdStart: {idle}")]),
        ("replayColdStart: refuse".to_owned(), vec![]),
    ] {
        assert_eq!(warnings(&plugin(&fields), 0), expected, "{fields}");
    }
}

/// In one process the memory decides, whatever the engine knows.
#[test]
fn plugins_with_one_memory_and_several_engines_get_a_warning() {
    let jwk = key().public_jwk(None, true);
    let filter = |name: &str, vm_id: &str, store: &str| {
        let value = format!("{{parameter: t, jwk: {jwk}, preventJtiReplay: true, jtiStore: {store}}}");
        let configuration = format!("{{'@type': a/google.protobuf.Struct, value: {value}}}");
        format!("- {{name: {name}, config: {{vm_config: {{vm_id: {vm_id}}}, configuration: {configuration}}}}}\n")
    };
    let one = "{kind: etcd, cluster: c, keyPrefix: one/}";
    let warning = "2 jtiStore: \"jwt-auth-1\" keeps used jtis elsewhere, but has the same vm_id: in one Envoy both share \
                   used jtis, in several they don't. Use the same jtiStore, or another vm_id";
    for (case, vm_id, store, expected) in [
        ("the same", "a", one, vec![]),
        ("another timeout", "a", "{kind: etcd, cluster: c, keyPrefix: one/, timeoutMilliseconds: 10}", vec![]),
        ("another prefix", "a", "{kind: etcd, cluster: c, keyPrefix: two/}", vec![warning]),
        ("another cluster", "a", "{kind: etcd, cluster: d, keyPrefix: one/}", vec![warning]),
        ("another memory", "b", "{kind: etcd, cluster: c, keyPrefix: two/}", vec![]),
    ] {
        let file = filter("jwt-auth-1", "a", one) + &filter("jwt-auth-2", vm_id, store);
        assert_eq!(warnings(&file, 0), Vec::<String>::new(), "{case}");
        assert_eq!(warnings(&file, 1), expected, "{case}");
    }
}
