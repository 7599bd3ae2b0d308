//! Which key verifies a token when several sets have keys, without Envoy.

use jwt_auth::{Decision, Host, NumericDate, Plugin, Request};
use kit::host::Memory;
use kit::issuer::{Algorithm, SigningKey, base64url, jwk_set};
use serde_json::{Value, json};

const NOW: f64 = 1_700_000_000.0;

/// The issuers of the two sets.
const A: &str = "https://a.test";
const B: &str = "https://b.test";

/// A plugin with a static key of the `kid` `static`, and a set for each of the issuers.
struct Sets {
    plugin: Plugin,
    memory: Memory,
}

type Keys<'a> = &'a [(Option<&'a str>, &'a SigningKey)];

impl Sets {
    /// `None` is a set that was not fetched yet.
    fn new(fixed: &SigningKey, sets: [Option<Keys>; 2]) -> Self {
        let entry = |issuer: &str, port| json!({"uri": format!("http://127.0.0.1:{port}/keys"), "cluster": "issuer", "issuer": issuer});
        let configuration = json!({
            "parameter": "token",
            "parameterLocation": "header",
            "jwk": fixed.public_jwk(Some("static"), true),
            "remoteJwks": [entry(A, 1), entry(B, 2)],
        });
        let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
        assert_eq!(plugin.faults().map(ToString::to_string), None);
        let remote = plugin.remote_keys().unwrap();
        for (position, keys) in sets.into_iter().enumerate() {
            if let Some(keys) = keys {
                let text = jwk_set(keys).to_string();
                let report = remote.load(position, text.as_bytes(), date(NOW)).unwrap();
                assert_eq!(report.failure, None);
            }
        }
        Self { plugin, memory: Memory::default() }
    }

    /// `passes`, the code and message of the rejection, or `waits` and what follows.
    fn decide(&self, token: &str) -> String {
        let host = Host { shared_data: &self.memory, signatures: None, random: || None };
        match self.plugin.decide(Request::new(&[("token", token.as_bytes())]), date(NOW), host) {
            Decision::Forward(_) => "passes".to_owned(),
            Decision::Reject(rejection) => format!("{} {}", rejection.code(), rejection.message()),
            Decision::Wait(wait) => {
                assert_eq!(wait.until, date(NOW + 5.0), "the default of timeoutSeconds");
                format!("waits, kid {}, {}", wait.is_for_unknown_kid, wait.otherwise.code())
            }
            Decision::Respond(_) | Decision::Ask(_) => panic!("neither is configured"),
        }
    }
}

fn date(seconds: f64) -> NumericDate {
    NumericDate::from_unix_seconds(seconds)
}

fn claims(issuer: impl Into<Value>) -> Value {
    json!({"iss": issuer.into(), "exp": NOW + 60.0})
}

fn es256() -> SigningKey {
    SigningKey::generate(Algorithm::ES256)
}

const WRONG_ISSUER: &str = "A403JT Invalid JWT: claim iss is not an accepted issuer";
const WRONG_SIGNATURE: &str = "A403JT Invalid JWT: signature verification failed";

#[test]
fn a_set_speaks_for_its_issuer_only_and_static_keys_for_all_others() {
    let [fixed, of_a, of_b, other] = [es256(), es256(), es256(), es256()];
    let sets = Sets::new(&fixed, [Some(&[(Some("1"), &of_a)]), Some(&[(Some("1"), &of_b)])]);
    for (key, kid, issuer, expected) in [
        (&of_a, "1", json!(A), "passes"),
        (&of_b, "1", json!(B), "passes"),
        (&of_a, "1", json!(B), WRONG_ISSUER),
        (&of_b, "1", json!(A), WRONG_ISSUER),
        (&of_a, "1", json!("https://c.test"), WRONG_ISSUER),
        (&of_a, "1", json!("https://a.test/"), WRONG_ISSUER),
        (&of_a, "1", Value::Null, WRONG_ISSUER),
        (&of_a, "1", json!([A]), WRONG_ISSUER),
        (&fixed, "static", json!("https://c.test"), "passes"),
        (&fixed, "static", Value::Null, "passes"),
        (&fixed, "static", json!(A), WRONG_ISSUER),
        (&fixed, "static", json!(B), WRONG_ISSUER),
        (&fixed, "1", json!(A), WRONG_SIGNATURE),
        (&of_a, "static", json!(A), WRONG_SIGNATURE),
        (&other, "1", json!(A), WRONG_SIGNATURE),
    ] {
        assert_eq!(sets.decide(&key.token(Some(kid), &claims(issuer.clone()))), expected, "{kid} {issuer}");
    }
}

#[test]
fn a_key_that_two_issuers_share_speaks_for_both() {
    let [fixed, shared] = [es256(), es256()];
    let sets = Sets::new(&fixed, [Some(&[(Some("1"), &shared)]), Some(&[(Some("1"), &shared)])]);
    for (issuer, expected) in [(A, "passes"), (B, "passes"), ("https://c.test", WRONG_ISSUER)] {
        assert_eq!(sets.decide(&shared.token(Some("1"), &claims(issuer))), expected, "{issuer}");
    }
}

#[test]
fn an_issuer_with_many_keys_of_one_kid_does_not_keep_the_key_of_another_from_being_tried() {
    let fixed = es256();
    let many: Vec<SigningKey> = (0..20).map(|_| es256()).collect();
    let of_a: Vec<_> = many.iter().map(|key| (Some("1"), key)).collect();
    let of_b = es256();
    let sets = Sets::new(&fixed, [Some(&of_a), Some(&[(Some("1"), &of_b)])]);
    assert_eq!(sets.decide(&of_b.token(Some("1"), &claims(B))), "passes");
    // Eight keys are tried: seven of A and one of B.
    for (place, expected) in [(0, "passes"), (6, "passes"), (7, WRONG_SIGNATURE), (19, WRONG_SIGNATURE)] {
        assert_eq!(sets.decide(&many[place].token(Some("1"), &claims(A))), expected, "{place}");
    }
    // Equal keys count once.
    let mut repeated = vec![(Some("1"), &many[0]); 20];
    repeated.push((Some("1"), &many[1]));
    let sets = Sets::new(&fixed, [Some(&repeated), None]);
    assert_eq!(sets.decide(&many[1].token(Some("1"), &claims(A))), "passes");
}

#[test]
fn keys_without_kid_are_tried_if_no_key_has_the_kid() {
    let [fixed, nameless, named] = [es256(), es256(), es256()];
    let sets = Sets::new(&fixed, [Some(&[(None, &nameless), (Some("1"), &named)]), Some(&[(Some("2"), &named)])]);
    for (key, kid, expected) in [
        (&nameless, None, "passes"),
        (&nameless, Some("new"), "passes"),
        (&nameless, Some("1"), WRONG_SIGNATURE),
        (&named, None, WRONG_SIGNATURE),
        (&named, Some("new"), "waits, kid true, A403JK"),
    ] {
        assert_eq!(sets.decide(&key.token(kid, &claims(A))), expected, "{kid:?}");
    }
}

#[test]
fn only_a_token_that_a_fetched_key_could_verify_waits() {
    let [fixed, of_a] = [es256(), es256()];
    let secret = SigningKey::generate(Algorithm::HS256);
    let token = |header: Value| {
        let payload = claims(A).to_string();
        format!(
            "{}.{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(payload.as_bytes()),
            base64url(&[1; 64])
        )
    };
    let missing = Sets::new(&fixed, [Some(&[(Some("1"), &of_a)]), None]);
    let complete = Sets::new(&fixed, [Some(&[(Some("1"), &of_a)]), Some(&[(Some("2"), &of_a)])]);
    let unknown = "A403JK No matching JWK, kid:new not found";
    let none = "A403JK No matching JWK, kid:(none) not found";
    let crit = "A403JT Invalid JWT: header crit is not supported";
    let hs256 = "A403JT Invalid JWT: alg HS256 is not allowed for this key";
    let malformed = "I400JD JWT Deserialize Failed: eyJhbGciOiJFUzI1...";
    let alg_none = "A403JT Invalid JWT: alg none is not allowed for this key";
    for (token, while_missing, afterwards) in [
        (of_a.token(Some("1"), &claims(A)), "passes", "passes"),
        (fixed.token(Some("static"), &claims("https://c.test")), "passes", "passes"),
        // Another key can't mend what this one has signed.
        (of_a.token_raw(br#"{"alg":"ES256","kid":"1"}"#, b"[]"), malformed, malformed),
        (of_a.token(Some("new"), &claims(A)), "waits, kid false, S503JW", "waits, kid true, A403JK"),
        (of_a.token(None, &claims(A)), "waits, kid false, S503JW", none),
        // The missing set may have another key with this kid.
        (fixed.token(Some("1"), &claims(A)), "waits, kid false, S503JW", WRONG_SIGNATURE),
        (secret.token(Some("new"), &claims(A)), hs256, unknown),
        (token(json!({"alg": "none", "kid": "new"})), alg_none, unknown),
        (token(json!({"alg": "ES256", "kid": "new", "crit": []})), crit, unknown),
        (
            token(json!({"alg": "ES256", "kid": 5})),
            "A403JK No matching JWK, kid:5 not found",
            "A403JK No matching JWK, kid:5 not found",
        ),
        (
            token(json!({"alg": "RS256", "kid": "1"})),
            "waits, kid false, S503JW",
            "A403JT Invalid JWT: alg RS256 is not allowed for this key",
        ),
    ] {
        assert_eq!(missing.decide(&token), while_missing, "{token}");
        assert_eq!(complete.decide(&token), afterwards, "{token}");
    }
}
