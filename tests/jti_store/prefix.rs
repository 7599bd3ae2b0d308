//! Prefixes of keys that an engine could misread.

use kit::engines::Persistence;

use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, Settings, accepted, token, used};

#[test]
fn a_prefix_of_any_characters_is_the_beginning_of_the_key_and_nothing_else() {
    let long = "p".repeat(256);
    for engine in [Engine::etcd(1), Engine::redis(Persistence::Nothing)] {
        for prefix in ["a/b c%2f/../", "x.txt", "?raw#", "*[a]\\", "é/", "GET/", &long] {
            let store = format!(", keyPrefix: {}", serde_json::json!(prefix));
            let settings = Settings { workers: 1, store, ..Settings::default() };
            let fleet = Fleet::start(&newest_envoy(), &engine, &settings);
            let token = token("prefix");
            fleet.expect(0, &accepted(&token));
            fleet.expect(1, &used(&token));
            let keys: Vec<_> = engine.entries(prefix).into_iter().map(|entry| entry.key).collect();
            let of_prefix: Vec<_> = keys.iter().filter_map(|key| key.strip_prefix(prefix)).collect();
            let is_hash = |rest: &&str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(matches!(of_prefix.as_slice(), [one] if is_hash(one)), "{prefix}: {keys:?}");
        }
    }
}
