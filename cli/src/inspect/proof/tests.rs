use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::{Inspection, report};
use super::*;

/// [RFC 9449 §4.1](https://www.rfc-editor.org/rfc/rfc9449#section-4.1), figure 2.
const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ\
    OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs\
    ImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmV\
    yLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4Pt\
    FLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
const NOW: f64 = 1_562_262_617.0;

fn inspect(proof: &str, now: f64) -> Inspection {
    Inspection::of(proof.as_bytes(), NumericDate::from_unix_seconds(now))
}

fn ids(inspection: &Inspection) -> Vec<&'static str> {
    inspection.notes.0.iter().map(|note| note.id).collect()
}

/// The proof with these members of header and claims changed, and so with a wrong signature. `null` removes one.
fn changed(header: &Value, claims: &Value) -> String {
    let parts: Vec<&str> = PROOF.split('.').collect();
    let change = |part: &str, changes: &Value| {
        let mut json: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(json.as_object_mut().unwrap().remove(name)),
                value => json[name] = value.clone(),
            }
        }
        URL_SAFE_NO_PAD.encode(json.to_string())
    };
    format!("{}.{}.{}", change(parts[0], header), change(parts[1], claims), parts[2])
}

#[test]
fn the_proof_of_the_rfc_is_shown_with_its_key_and_its_purpose() {
    let inspection = inspect(PROOF, NOW);
    let shown = anstream::adapter::strip_str(&report::text(&inspection)).to_string();
    let expected = r#"DPoP proof: signed with the key in its header

header
{
  "typ": "dpop+jwt",
  "alg": "ES256",
  "jwk": {
    "kty": "EC",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    "crv": "P-256"
  }
}

claims
{
  "jti": "-BwC3ESc6acc2lTc",
  "htm": "POST",
  "htu": "https://server.example.com/token",
  "iat": 1562262616
}

proof
  key      0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I, the cnf.jkt of its tokens
  request  POST https://server.example.com/token
  token    none, so it can only ask for one
  jti      -BwC3ESc6acc2lTc

times (UTC; now 2019-07-04T17:50:17Z)
  iat         2019-07-04T17:50:16Z  1 s ago

signature: 64 bytes, valid

notes
  no ath: the proof can only ask for a token; with one the filter rejects it (A403DP)

the filter
  to check it with your configuration: jwt-auth check --config FILE --token TOKEN --dpop -
"#;
    assert_eq!(shown, expected);
    let json: Value = serde_json::from_str(&report::json(&inspection)).unwrap();
    assert_eq!(
        json["proof"],
        json!({
            "thumbprint": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            "htm": "POST",
            "htu": "https://server.example.com/token",
            "ath": null,
            "jti": "-BwC3ESc6acc2lTc",
            "failure": null,
        })
    );
    assert_eq!((&json["verified"], json.get("filter")), (&json!(false), None), "anyone can make a proof");
}

#[test]
fn a_proof_that_the_filter_always_rejects_is_not_valid_and_the_notes_say_why() {
    let none = json!({});
    let other = json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"});
    let private = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"});
    for (header, claims, failure, notes) in [
        (none.clone(), json!({"htm": "GET"}), "signature verification failed", &["no-ath"][..]),
        (none.clone(), json!({"ath": "a"}), "signature verification failed", &[]),
        (json!({"typ": "DPOP+JWT", "alg": "none"}), none.clone(), "header alg is not allowed", &["no-ath"]),
        (json!({"alg": "RS256"}), none.clone(), "header alg is not allowed", &["no-ath"]),
        (json!({"jwk": null}), none.clone(), "header jwk is not a public key for proofs", &["no-ath"]),
        (json!({"jwk": "a"}), none.clone(), "header jwk is not a public key for proofs", &["no-ath"]),
        (json!({"jwk": other}), none.clone(), "header jwk is not a public key for proofs", &["no-ath"]),
        (
            json!({"jwk": private}),
            none.clone(),
            "header jwk is not a public key for proofs",
            &["private-key", "no-ath"],
        ),
        (
            none.clone(),
            json!({"htm": null, "htu": 1, "jti": "", "iat": "1"}),
            "signature verification failed",
            &["no-htm", "no-htu", "no-jti", "no-iat", "no-ath"],
        ),
        (none.clone(), json!({"jti": "x".repeat(1025)}), "signature verification failed", &["no-jti", "no-ath"]),
    ] {
        let inspection = inspect(&changed(&header, &claims), NOW);
        let shown = anstream::adapter::strip_str(&report::text(&inspection)).to_string();
        let first = shown.lines().next().unwrap();
        assert_eq!(first, format!("not a valid DPoP proof: {failure}"), "{header} {claims}");
        assert_eq!(ids(&inspection), notes, "{header} {claims}");
        assert!(shown.contains("\nsignature: 64 bytes, not verified\n"), "{shown}");
    }
    let (header, rest) = PROOF.split_once('.').unwrap();
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let twice = URL_SAFE_NO_PAD.encode(header.replacen('{', r#"{"alg":"ES256","#, 1));
    let inspection = inspect(&format!("{twice}.{rest}"), NOW);
    assert_eq!(ids(&inspection), ["duplicate-member", "no-ath"]);
    assert_eq!(inspection.proof.unwrap().failure, Some(ProofError::Malformed));
}

#[test]
fn the_age_of_a_proof_is_compared_with_the_default_of_the_filter() {
    let iat = 1_562_262_616.0;
    for (now, expected) in [
        (iat + 60.0, &["no-ath"][..]),
        (iat + 61.0, &["old", "no-ath"]),
        (iat - 5.0, &["no-ath"]),
        (iat - 6.0, &["issued-later", "no-ath"]),
    ] {
        assert_eq!(ids(&inspect(PROOF, now)), expected, "{now}");
    }
}

#[test]
fn a_bound_token_is_shown_with_the_thumbprint_of_its_key() {
    let token = |cnf: &Value| {
        let claims = json!({"iss": "me", "aud": "you", "jti": "1", "iat": NOW, "exp": NOW + 60.0, "cnf": cnf});
        let [header, claims] =
            [json!({"alg": "ES256", "kid": "k"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{header}.{claims}.{}", "A".repeat(86))
    };
    for (cnf, bound, notes) in [
        (json!({"jkt": "0Zc"}), Some("0Zc"), &[][..]),
        (json!({"jkt": "0Zc", "x5t#S256": "a"}), Some("0Zc"), &["cnf"]),
        (json!({"x5t#S256": "a"}), None, &["cnf"]),
        (json!({"jkt": 1}), None, &["cnf"]),
        (json!("0Zc"), None, &["cnf"]),
        (json!(null), None, &[]),
    ] {
        let inspection = inspect(&token(&cnf), NOW);
        let shown = anstream::adapter::strip_str(&report::text(&inspection)).to_string();
        let line = "\nbound: to the key with the thumbprint 0Zc (cnf.jkt)\n";
        assert_eq!((shown.contains(line), ids(&inspection).as_slice()), (bound.is_some(), notes), "{cnf}");
        let json: Value = serde_json::from_str(&report::json(&inspection)).unwrap();
        assert_eq!(json.get("bound"), bound.map(|jkt| json!({"jkt": jkt})).as_ref(), "{cnf}");
    }
}

#[test]
fn nothing_of_a_proof_reaches_the_terminal_as_it_is() {
    let attack = "\u{1b}[2J\u{202e}";
    let claims = json!({"htm": attack, "htu": attack, "jti": attack, "ath": attack});
    let inspection = inspect(&changed(&json!({}), &claims), NOW);
    let shown = anstream::adapter::strip_str(&report::text(&inspection)).to_string();
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    assert_eq!(inspection.proof.unwrap().method.as_deref(), Some(attack));
}
