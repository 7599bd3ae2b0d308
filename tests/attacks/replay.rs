//! T13: a `jti` is accepted once, whatever else a client sends.

use kit::issuer::{Algorithm, SigningKey};
use kit::rows::{Request, Row, Step, World, config, date, get, header_config, key, post, row};
use serde_json::{Value, json};

use crate::encodings::{base64url, difference, from_base64url, segments};

attacks! {
    t13_a_rejected_token_uses_up_no_jti: CHOSEN, a_rejected_token_uses_up_no_jti;
    t13_a_used_token_in_another_guise: CHOSEN, a_used_token_in_another_guise;
    t13_a_jti_that_can_not_be_used: CHOSEN, a_jti_that_can_not_be_used;
    t13_two_issuers_with_one_jti: CHOSEN, two_issuers_with_one_jti;
}

const REPLAY: &str = "preventJtiReplay: true";
const UNUSABLE: &str = "Claim jti is required when preventJtiReplay:true";

fn used(request: Request) -> Step {
    request.rejected("S403JU", "Claim jti in JWT is used")
}

/// An attacker who sees a token or guesses its `jti` must not be able to use the `jti` up.
fn a_rejected_token_uses_up_no_jti(world: &World) -> Vec<Row> {
    let now = world.now;
    let with = |extra: Value| {
        let mut members = json!({"jti": "kept", "iss": "me"});
        members.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        world.claims(&members)
    };
    let token = |extra: Value| key().token(Some("k1"), &with(extra));
    let good = token(json!({}));
    let [header, payload, signature] = segments(&good);
    let stranger = SigningKey::generate(Algorithm::ES256);
    let begin = format!("JWT Deserialize Failed: {}...", &good[..16]);
    let form = "application/x-www-form-urlencoded";
    let rejections = vec![
        get().token(stranger.token(Some("k1"), &with(json!({})))).invalid("signature verification failed"),
        get().token(format!("{good}AAAA")).invalid("signature verification failed"),
        get().token(format!("{header}.{payload}.")).invalid("signature verification failed"),
        get().token(format!("{header}.{payload}")).rejected("I400JD", begin.clone()),
        get().token(format!("{good}=")).rejected("I400JD", begin),
        get()
            .token(format!("{}.{payload}.{signature}", base64url(r#"{"alg":"none","kid":"k1"}"#)))
            .invalid("alg none is not allowed for this key"),
        get()
            .token(format!("{}.{payload}.{signature}", base64url(r#"{"alg":"ES256","kid":"k2"}"#)))
            .rejected("A403JK", "No matching JWK, kid:k2 not found"),
        get()
            .token(
                key().token_raw(br#"{"alg":"ES256","kid":"k1","crit":["a"]}"#, with(json!({})).to_string().as_bytes()),
            )
            .invalid("header crit is not supported"),
        get().token(token(json!({"exp": now - 1}))).rejected("A403JE", format!("JWT is expired at {}", date(now - 1))),
        get().token(token(json!({"nbf": now + 600}))).invalid(&format!("not valid before {}", date(now + 600))),
        get().token(token(json!({"exp": now + 700_000}))).invalid("lifetime is not less than 604800 seconds"),
        get().token(token(json!({"exp": "1"}))).invalid("claim exp is not a NumericDate"),
        get().token(token(json!({"iss": "you"}))).invalid("claim iss is not an accepted issuer"),
        get().token(token(json!({"aud": "b"}))).invalid("claim aud is not an accepted audience"),
        get()
            .token(token(json!({"aud": "a", "v": "\u{0}"})))
            .invalid("claim v has control characters, which a header can't carry"),
        get().token(token(json!({"aud": "a", "v": "x".repeat(8001)}))).invalid("claim v is too long for its target"),
        get().token(token(json!({"aud": "a", "p": ".."}))).invalid("claim p is a dot segment"),
        get().token(token(json!({"aud": "a"}))).invalid("claim p is missing, and backendPath needs it"),
        get()
            .target("/../x")
            .token(token(json!({"aud": "a", "p": "7"})))
            .invalid("the request path has a dot segment, so backendPath can't be made"),
        get().token(&good).token(token(json!({"sub": "bob"}))).invalid("more than one token was sent"),
        post("multipart/form-data; boundary=b", "--b--").token(token(json!({"aud": "a", "p": "7"}))).rejected(
            "I415FD",
            "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
        ),
        post(form, "a").header("content-encoding", "gzip").token(token(json!({"aud": "a", "p": "7"}))).rejected(
            "I415FD",
            "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
        ),
    ];
    let owner = || get().token(token(json!({"aud": "a", "p": "7"})));
    let passes = owner().passes_to("/u/7/p", &[], &[]);
    let lines = "issuer: me\naudiences: [a]\nbackendPath: /u/{p}{path}\nclaimParameters:
- {claimName: v, parameterName: X-V, location: header}
- {claimName: f, parameterName: f, location: formData}
- {claimName: p, parameterName: p, location: path}";
    let steps = rejections.into_iter().chain([passes, used(owner())]).collect();
    vec![row("burns", header_config(&format!("{REPLAY}\n{lines}")), steps)]
}

/// The same token again: encoded differently, in another place, with another method.
fn a_used_token_in_another_guise(world: &World) -> Vec<Row> {
    let jti = "guise";
    let members = json!({"jti": jti});
    let token = world.token(&members);
    let [header, payload, signature] = segments(&token);
    let signature = from_base64url(signature);
    let (r, s) = signature.split_at(32);
    let n = from_base64url("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    let twin = format!("{header}.{payload}.{}", base64url([r, &difference(&n, s)].concat()));
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let guises = vec![
        get().header("t", &token),
        get().header("t", &twin),
        get().header("t", format!("bearer \t{token}")),
        get().header("t", &token).header("T", &token),
        get().target(format!("/p?t={token}")),
        get().target(format!("/p?t={encoded}")),
        get().target(format!("/q?x&%74={twin}&t={twin}")),
        get().header("t", world.token(&json!({"jti": jti, "sub": "bob"}))),
        get().header("t", world.token(&json!({"jti": jti, "exp": world.now + 1800}))),
        Request { method: "OPTIONS", ..get() }.header("t", &token),
        post("text/plain", "x").header("t", &token),
    ];
    let first = get().header("t", &token).target("/first").passes();
    let steps = std::iter::once(first).chain(guises.into_iter().map(used)).collect();
    vec![row("guises", config(&format!("parameter: t\n{REPLAY}")), steps)]
}

fn a_jti_that_can_not_be_used(world: &World) -> Vec<Row> {
    let bad = [
        json!("absent"),
        json!(""),
        json!(0),
        json!(1),
        json!(1.5),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!(["a"]),
        json!({}),
        json!({"a": "b"}),
        json!("j".repeat(1025)),
        json!("\u{e9}".repeat(513)),
    ];
    let rejected =
        bad.into_iter().map(|jti| get().token(world.token(&json!({"jti": jti}))).rejected("S403JI", UNUSABLE));
    let odd = ["\0", " ", "\u{1f600}", "a\r\nb", "jwt-auth/jti/0000", "x".repeat(1024).leak()];
    let once = odd.into_iter().flat_map(|jti| {
        let request = || get().token(world.token(&json!({"jti": jti})));
        [request().passes(), used(request())]
    });
    vec![row("jti", header_config(REPLAY), rejected.chain(once).collect())]
}

/// Each issuer has its own `jti`s. Pairs of issuer and `jti` that are equal when joined stay different.
fn two_issuers_with_one_jti(world: &World) -> Vec<Row> {
    let pairs = [
        (json!("absent"), "x"),
        (json!(""), "x"),
        (json!("a"), "bx"),
        (json!("ab"), "x"),
        (json!("abx"), "x2"),
        (json!("a\0"), "bx"),
        (json!("x"), "x"),
        (json!("A"), "bx"),
        (json!("a"), "Bx"),
        (json!("a "), "bx"),
    ];
    let request = |(issuer, jti): &(Value, &str)| get().token(world.token(&json!({"iss": issuer, "jti": jti})));
    let steps = pairs.iter().map(|pair| request(pair).passes()).chain(pairs.iter().map(|pair| used(request(pair))));
    vec![row("issuers", header_config(REPLAY), steps.collect())]
}
