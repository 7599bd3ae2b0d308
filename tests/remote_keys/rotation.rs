//! Keys that change.

use kit::envoy;
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::Answer;

use crate::setup::{KEYS, Site, claims, remote, serving};

#[test]
fn a_new_key_is_fetched_for_its_first_token_and_a_removed_one_is_not_accepted_any_more() {
    for binary in envoy::binaries() {
        let (old, new) = (SigningKey::generate(Algorithm::ES256), SigningKey::generate(Algorithm::ES256));
        let site = Site::start(&binary, serving(&[(Some("old"), &old)]), &remote(", unknownKidCooldownSeconds: 1"), 2);
        let of_old = old.token(Some("old"), &claims("alice"));
        let of_new = new.token(Some("new"), &claims("bob"));
        for _ in 0..4 {
            assert_eq!(site.get(&of_old), (200, "alice".to_owned()), "{}", site.proxy.envoy.log());
        }
        assert_eq!(site.get(&of_new), (403, "A403JK".to_owned()));
        std::thread::sleep(std::time::Duration::from_millis(1100));
        site.keys.set(KEYS, Answer::json(&jwk_set(&[(Some("new"), &new)])));
        assert_eq!(site.get(&of_new), (200, "bob".to_owned()));
        std::thread::sleep(std::time::Duration::from_millis(1000));
        for _ in 0..8 {
            assert_eq!(site.get(&of_new), (200, "bob".to_owned()));
        }
        for _ in 0..4 {
            assert_eq!(site.get(&of_old), (403, "A403JK".to_owned()));
        }
    }
}
