//! `remoteJwks`.

use super::*;

fn faults_with(remote: &str) -> Vec<String> {
    faults_of(&format!("parameter: X-Token\nremoteJwks: {remote}"))
}

#[test]
fn the_defaults_of_an_entry_are_those_of_the_documentation() {
    let config = Config::parse(b"parameter: X-Token\nremoteJwks: {discovery: 'https://a.test/', cluster: a}").unwrap();
    let [source] = &config.remote_keys.sources()[..] else { panic!("one entry") };
    assert_eq!((source.timeout_seconds, source.refresh_seconds, source.stale_seconds), (5, 600, 86_400));
    assert_eq!(source.issuer.as_deref(), Some("https://a.test/"), "byte for byte");
    let config = Config::parse(b"parameter: X-Token\nremoteJwks: {uri: 'https://a.test/', cluster: a}").unwrap();
    assert_eq!(config.remote_keys.sources()[0].issuer, None);
}

#[test]
fn the_limits_of_each_field_are_valid_and_one_more_is_an_error() {
    let uri = "uri: 'https://a.test/keys', cluster: a";
    for (name, least, most) in [
        ("timeoutSeconds", 1, 60),
        ("refreshSeconds", 60, 86_400),
        ("unknownKidCooldownSeconds", 1, 3600),
        ("staleSeconds", 0, 604_800),
    ] {
        for value in [least, most] {
            assert_eq!(faults_with(&format!("{{{uri}, {name}: {value}}}")), Vec::<String>::new(), "{name} {value}");
        }
        for value in [least - 1, most + 1] {
            let expected = format!("remoteJwks.{name}: expected a whole number from {least} to {most}");
            assert_eq!(faults_with(&format!("{{{uri}, {name}: {value}}}")), [expected], "{value}");
        }
    }
}

#[test]
fn an_entry_names_where_its_keys_are() {
    let long = "c".repeat(257);
    for (remote, expected) in [
        ("{cluster: a}", vec!["remoteJwks.uri: expected uri or discovery, found neither"]),
        ("{uri: 'https://a.test'}", vec!["remoteJwks.cluster: required"]),
        ("{uri: 'https://a.test', cluster: ''}", vec!["remoteJwks.cluster: expected a string that is not empty"]),
        (
            &format!("{{uri: 'https://a.test', cluster: {long}}}"),
            vec!["remoteJwks.cluster: expected at most 256 bytes, found 257"],
        ),
        (
            "{uri: 'https://a.test', discovery: 'https://a.test', cluster: a}",
            vec!["remoteJwks.discovery: expected either uri or discovery, found both"],
        ),
        ("{uri: 'https://u:p@a.test', cluster: a}", vec!["remoteJwks.uri: expected a URL without user and password"]),
        ("{discovery: 'https://a.test/?a', cluster: a}", vec!["remoteJwks.discovery: expected a URL without a query"]),
        (
            "{discovery: 'https://a.test/#a', cluster: a}",
            vec!["remoteJwks.discovery: expected a URL without a fragment"],
        ),
        ("{uri: 5, cluster: a}", vec!["remoteJwks.uri: expected a string"]),
        (
            "{uri: 'https://a.test', cluster: a, issuer: ''}",
            vec!["remoteJwks.issuer: expected a string that is not empty"],
        ),
        (
            "{uri: 'https://a.test', cluster: a, jwksAuthority: b, jwksCluster: b}",
            vec![
                "remoteJwks.jwksAuthority: expected discovery beside it",
                "remoteJwks.jwksCluster: expected discovery beside it",
            ],
        ),
        (
            "{discovery: 'https://a.test', cluster: a, jwksAuthority: b.test}",
            vec!["remoteJwks.jwksCluster: required with jwksAuthority"],
        ),
        (
            "{discovery: 'https://a.test', cluster: a, jwksCluster: b}",
            vec!["remoteJwks.jwksAuthority: required with jwksCluster"],
        ),
        (
            "{discovery: 'https://a.test', cluster: a, jwksAuthority: 'https://b.test', jwksCluster: b}",
            vec!["remoteJwks.jwksAuthority: expected a host, or host:port"],
        ),
        (
            "{uri: 'https://a.test', cluster: a, refreshSecond: 60}",
            vec!["remoteJwks.refreshSecond: unknown field, did you mean refreshSeconds?"],
        ),
        ("5", vec!["remoteJwks: expected a list"]),
        ("[]", vec!["remoteJwks: expected at least one element"]),
        ("[5]", vec!["remoteJwks[0]: expected a map of fields"]),
    ] {
        assert_eq!(faults_with(remote), expected, "{remote}");
    }
}

#[test]
fn several_entries_need_an_issuer_each_and_different_ones() {
    let entry = |n: usize| format!("{{uri: 'https://a.test/{n}', cluster: a, issuer: '{n}'}}");
    let list = |count: usize| format!("[{}]", (0..count).map(entry).collect::<Vec<_>>().join(","));
    assert_eq!(faults_with(&list(8)), Vec::<String>::new());
    assert_eq!(faults_with(&list(9)), ["remoteJwks: expected at most 8 elements, found 9"]);
    for (remote, expected) in [
        (
            "[{uri: 'https://a.test', cluster: a}, {discovery: 'https://b.test', cluster: b}]",
            "remoteJwks[0].issuer: required with several entries",
        ),
        (
            "[{uri: 'https://b.test/keys', cluster: a, issuer: 'https://b.test'}, {discovery: 'https://b.test', cluster: b}]",
            "remoteJwks[1].issuer: expected an issuer that no other entry has",
        ),
    ] {
        assert_eq!(faults_with(remote), [expected], "{remote}");
    }
}
