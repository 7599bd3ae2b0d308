use super::*;
use crate::document::parse_for_test;

fn parse(text: &str) -> Result<JtiStore, Vec<String>> {
    parse_for_test(text, |field, faults| JtiStore::parse(&field, faults))
        .map_err(|error| error.faults().iter().map(|fault| fault.to_string()).collect())
}

#[test]
fn fields_that_are_not_set_have_their_defaults() {
    let store = parse("{kind: etcd, cluster: jti-store}").unwrap();
    assert_eq!(
        store,
        JtiStore {
            engine: Engine::Etcd,
            cluster: "jti-store".to_owned(),
            authority: "jti-store".to_owned(),
            key_prefix: "jwt-auth/jti/".to_owned(),
            timeout_milliseconds: 250,
            falls_back: false,
        }
    );
    let other = "{kind: redis, cluster: 'outbound|80||redis', authority: 'r:1', keyPrefix: 'a b%/', timeoutMilliseconds: 10, \
                 onFailure: local}";
    assert_eq!(
        parse(other).unwrap(),
        JtiStore {
            engine: Engine::Redis,
            cluster: "outbound|80||redis".to_owned(),
            authority: "r:1".to_owned(),
            key_prefix: "a b%/".to_owned(),
            timeout_milliseconds: 10,
            falls_back: true,
        }
    );
    let istio = parse("{kind: etcd, cluster: 'outbound|2379||etcd.é'}").unwrap();
    assert_eq!(istio.authority, "outbound_2379__etcd._", "a header has no other characters");
}

#[test]
fn every_error_names_its_field() {
    for (text, expected) in [
        ("{}", vec!["kind: required", "cluster: required"]),
        ("{kind: memcached, cluster: c}", vec!["kind: expected etcd or redis"]),
        ("{kind: etcd, cluster: ''}", vec!["cluster: expected a string that is not empty"]),
        ("{kind: etcd, cluster: c, authority: 'a/b'}", vec!["authority: expected a host, or host:port"]),
        ("{kind: etcd, cluster: c, authority: \"a\\r\\nb\"}", vec!["authority: expected a host, or host:port"]),
        ("{kind: etcd, cluster: c, onFailure: accept}", vec!["onFailure: expected refuse or local"]),
        (
            "{kind: etcd, cluster: c, timeoutMilliseconds: 9}",
            vec!["timeoutMilliseconds: expected a whole number from 10 to 5000"],
        ),
        (
            "{kind: etcd, cluster: c, timeoutMilliseconds: 5001}",
            vec!["timeoutMilliseconds: expected a whole number from 10 to 5000"],
        ),
        ("{kind: etcd, cluster: c, keyPrefix: ''}", vec!["keyPrefix: expected a string that is not empty"]),
        ("{kind: etcd, cluster: c, password: p}", vec!["password: unknown field"]),
    ] {
        assert_eq!(parse(text).unwrap_err(), expected, "{text}");
    }
}
