use jwt_auth::{Algorithm, Plugin};

use super::*;
use crate::key::{RsaBits, default_key_id, generate};

const NOW: u64 = 1_800_000_000;

fn key(algorithm: Algorithm, bits: RsaBits) -> SigningKey {
    let mut jwk = generate(algorithm, bits).expect("a key");
    jwk.kid = Some("first".to_owned());
    SigningKey::from_jwk(&jwk, None).expect("a key")
}

fn rotation(every: &str, lifetime: &str) -> Result<Rotation, Failure> {
    Rotation::new(Rotation::parse(every).expect("a period"), Lifetime::parse(lifetime).expect("a lifetime"))
}

fn rotating(every: &str, lifetime: &str) -> (Keys, Rotation) {
    let rotation = rotation(every, lifetime).expect("a rotation");
    (Keys::new(key(Algorithm::Es256, RsaBits::Bits2048), Some(rotation)).expect("keys"), rotation)
}

impl Keys {
    fn rotate_at(&self, rotation: Rotation, now: u64) -> Rotated {
        self.rotate(KeyPair::successor_of(&self.signing()).expect("a key"), rotation, now)
    }

    fn signing_id(&self) -> String {
        self.signing().id().expect("a kid").to_owned()
    }

    fn published_ids(&self, now: u64) -> Vec<String> {
        let set = self.set(now);
        let keys = set["keys"].as_array().expect("keys");
        keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
    }
}

#[test]
fn a_key_is_published_before_it_signs_and_until_its_last_token_has_expired() {
    let (keys, rotation) = rotating("10m", "15m");
    let [first, second] = <[_; 2]>::try_from(keys.published_ids(NOW)).expect("two keys");
    assert_eq!((first.as_str(), keys.signing_id()), ("first", first.clone()));

    let rotated = keys.rotate_at(rotation, NOW);
    let third = rotated.next.clone();
    assert_eq!(rotated, Rotated { signing: second.clone(), next: third.clone(), published: 3 });
    assert_eq!(keys.signing_id(), second);
    // The last token of the first key expires in 900 s, and is accepted for up to another minute.
    for (now, expected) in [
        (NOW, vec![&second, &third, &first]),
        (NOW + 900 + 59, vec![&second, &third, &first]),
        (NOW + 900 + 60, vec![&second, &third]),
    ] {
        assert_eq!(keys.published_ids(now).iter().collect::<Vec<_>>(), expected, "{now}");
    }

    // The old keys are in the order of their age, and one that was removed does not come back.
    let rotated = keys.rotate_at(rotation, NOW + 600);
    let fourth = rotated.next.clone();
    assert_eq!(rotated, Rotated { signing: third.clone(), next: fourth.clone(), published: 4 });
    assert_eq!(keys.published_ids(NOW + 600), [&third, &fourth, &second, &first].map(Clone::clone));
    let rotated = keys.rotate_at(rotation, NOW + 1200);
    assert_eq!((rotated.signing.as_str(), rotated.published), (fourth.as_str(), 4));
    assert_eq!(keys.published_ids(NOW), [fourth, rotated.next, third, second]);
}

#[test]
fn a_published_key_verifies_the_tokens_of_its_private_key_and_has_no_private_part() {
    let (keys, rotation) = rotating("10m", "15m");
    for now in [NOW, NOW + 600] {
        let signing = keys.signing();
        let set = keys.set(now);
        let published = set["keys"].as_array().expect("keys");
        let own = published.iter().find(|key| key["kid"].as_str() == signing.id()).expect("the key that signs");
        let public = serde_json::to_value(signing.public_jwk()).expect("JSON");
        assert_eq!(*own, public);
        for key in published {
            let names: Vec<_> = key.as_object().expect("a key").keys().map(String::as_str).collect();
            assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        }
        keys.rotate_at(rotation, now);
    }
}

#[test]
fn a_new_key_is_of_the_same_kind_and_its_kid_is_its_thumbprint() {
    for (algorithm, bits) in [
        (Algorithm::Rs256, RsaBits::Bits2048),
        (Algorithm::Ps384, RsaBits::Bits3072),
        (Algorithm::Es512, RsaBits::Bits2048),
        (Algorithm::Es256k, RsaBits::Bits2048),
        (Algorithm::EdDsa, RsaBits::Bits2048),
        (Algorithm::Ed25519, RsaBits::Bits2048),
    ] {
        let first = key(algorithm, bits);
        let new = first.successor().expect("a key");
        let [old, new] = [&first, &new].map(|key| key.public_jwk().expect("a public key"));
        assert_eq!((&new.kty, &new.crv, &new.alg, &new.usage), (&old.kty, &old.crv, &old.alg, &old.usage));
        assert_eq!(new.n.as_ref().map(String::len), old.n.as_ref().map(String::len));
        assert!(!new.has_public_numbers_of(old));
        assert_eq!(new.kid, Some(default_key_id(new).expect("a thumbprint")));
    }
}

#[test]
fn an_rsa_key_of_unusual_length_is_followed_by_a_longer_one() {
    for (bits, expected) in [(2048, "2048"), (2056, "3072"), (3072, "3072"), (3080, "4096"), (4096, "4096")] {
        let found = RsaBits::for_modulus(bits / 8);
        assert_eq!(format!("{found:?}"), format!("Bits{expected}"), "{bits}");
    }
}

/// The period and the lifetime are chosen so that all 100 places are used.
#[test]
fn the_filter_reads_the_largest_set() {
    let (keys, rotation) = rotating("1s", "37s");
    let mut published = 0;
    for second in 0..120 {
        published = keys.rotate_at(rotation, NOW + second).published;
        assert_eq!(published, keys.published_ids(NOW + second).len());
    }
    assert_eq!(published, 99, "the hundredth is for a rotation just before a full second");
    // A clock that is set back keeps keys for longer, but not more of them.
    for second in 0..10 {
        published = keys.rotate_at(rotation, NOW - second).published;
    }
    assert_eq!(published, MAX_PUBLISHED);
    let set = keys.set(NOW);
    assert_eq!(set["keys"].as_array().map(Vec::len), Some(MAX_PUBLISHED));
    let plugin = Plugin::new(json!({"parameter": "X-Token", "jwks": set}).to_string().as_bytes(), b"");
    assert!(plugin.faults().is_none(), "{:?}", plugin.faults());
}

#[test]
fn a_rotation_that_needs_more_keys_than_the_filter_reads_is_refused_with_the_shortest_period() {
    let failure = |every, lifetime| rotation(every, lifetime).err().map(|failure| failure.to_string());
    assert_eq!(
        failure("1m", "2h").as_deref(),
        Some("with --rotate-every 1m and --expires-in 2h the JWK set would have 124 keys; the filter reads 100")
    );
    for (every, lifetime, is_possible) in [
        ("1s", "37s", true),
        ("1s", "38s", false),
        ("74s", "2h", false),
        ("75s", "2h", true),
        ("102m", "6d23h59m59s", false),
        ("103m", "6d23h59m59s", true),
        ("1000y", "1s", true),
    ] {
        assert_eq!(failure(every, lifetime).is_none(), is_possible, "{every} {lifetime}");
    }
    for text in ["0s", "500ms", "1", "", "-1s"] {
        assert!(Rotation::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_set_is_cached_for_half_a_period_at_most() {
    for (every, expected) in [("1s", 0), ("10s", 5), ("9m 59s", 299), ("10m", 300), ("1d", 300)] {
        assert_eq!(rotating(every, "10s").0.max_age(), expected, "{every}");
    }
    assert_eq!(Keys::new(key(Algorithm::Es256, RsaBits::Bits2048), None).expect("keys").max_age(), 300);
}

#[tokio::test(start_paused = true)]
async fn without_a_period_the_key_never_changes() {
    let keys = Arc::new(Keys::new(key(Algorithm::Es256, RsaBits::Bits2048), None).expect("keys"));
    let waited = tokio::time::timeout(Duration::from_secs(1_000_000), Arc::clone(&keys).keep_rotating()).await;
    assert!(waited.is_err());
    assert_eq!((keys.signing_id(), keys.published_ids(NOW)), ("first".to_owned(), vec!["first".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_key_signs_for_one_period() {
    let (keys, _) = rotating("10m", "15m");
    let keys = Arc::new(keys);
    let expected = keys.published_ids(NOW);
    let rotating = tokio::spawn(Arc::clone(&keys).keep_rotating());
    sleep(Duration::from_secs(599)).await;
    assert_eq!(keys.signing_id(), expected[0]);
    sleep(Duration::from_secs(2)).await;
    // The new key is made by another thread.
    while keys.signing_id() == expected[0] {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(keys.signing_id(), expected[1]);
    rotating.abort();
}

#[test]
fn a_shared_secret_has_no_public_key_to_publish() {
    let failure = Keys::new(key(Algorithm::Hs256, RsaBits::Bits2048), None).err().expect("a failure").to_string();
    assert!(failure.starts_with("HS256 has no public key to publish"), "{failure}");
}
