//! Replay protection: each `jti` is accepted once. On a live Envoy, all rows share one store, so each row has its own
//! `jti`s.

use crate::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::{Request, Row, Step, World, date, get, header_config, key, row};

const REPLAY: &str = "preventJtiReplay: true";

pub(super) fn rows(world: &World) -> Vec<Row> {
    let token = |members: Value| world.token(&members);
    let request = |members: Value| get().token(token(members));
    let once = |members: Value| [request(members.clone()).passes(), used(request(members))];
    vec![
        row(
            "a jti is accepted once, for each issuer",
            header_config(REPLAY),
            [
                once(json!({"jti": "once"})),
                once(json!({"jti": "once", "iss": "a"})),
                once(json!({"jti": "once", "iss": "b"})),
                once(json!({"jti": "x".repeat(1024)})),
            ]
            .concat_steps(),
        ),
        row(
            "another token with the same jti is a replay",
            header_config(REPLAY),
            vec![
                request(json!({"jti": "shared", "sub": "a"})).passes(),
                used(request(json!({"jti": "shared", "sub": "b", "exp": world.now + 600}))),
            ],
        ),
        row(
            "a token without a usable jti is rejected",
            header_config(REPLAY),
            [json!("absent"), json!(""), json!(1), json!(null), json!(["a"]), json!("y".repeat(1025))]
                .into_iter()
                .map(|jti| {
                    request(json!({"jti": jti})).rejected("S403JI", "Claim jti is required when preventJtiReplay:true")
                })
                .collect(),
        ),
        row(
            "a request that is rejected for another reason does not use up its jti",
            header_config(&format!(
                "{REPLAY}\nissuer: me\nclaimParameters: [{{claimName: v, parameterName: X-V, location: header}}]"
            )),
            vec![
                forged(world, json!({"jti": "kept", "iss": "me"})),
                request(json!({"jti": "kept", "iss": "me", "exp": world.now - 60}))
                    .rejected("A403JE", format!("JWT is expired at {}", date(world.now - 60))),
                request(json!({"jti": "kept", "iss": "you"})).invalid("claim iss is not an accepted issuer"),
                request(json!({"jti": "kept", "iss": "me", "v": "\r\n"}))
                    .invalid("claim v has control characters, which a header can't carry"),
                get()
                    .token(key().token(Some("other"), &world.claims(&json!({"jti": "kept", "iss": "me"}))))
                    .rejected("A403JK", "No matching JWK, kid:other not found"),
                request(json!({"jti": "kept", "iss": "me"})).passes(),
                used(request(json!({"jti": "kept", "iss": "me"}))),
            ],
        ),
        row(
            "a jti is accepted once, also if clockSkewSeconds accepts its expired token",
            header_config(&format!("{REPLAY}\nclockSkewSeconds: 300")),
            vec![
                request(json!({"jti": "late", "exp": world.now - 100})).passes(),
                used(request(json!({"jti": "late", "exp": world.now - 100}))),
                request(json!({"jti": "later", "exp": world.now - 300}))
                    .rejected("A403JE", format!("JWT is expired at {}", date(world.now - 300))),
            ],
        ),
        row(
            "a clock skew longer than used jtis are kept is a configuration error",
            header_config(&format!("{REPLAY}\nclockSkewSeconds: 301")),
            vec![get().rejected(
                "I400JP",
                "Invalid JWT plugin config: clockSkewSeconds: expected at most 300 with preventJtiReplay: \
                 a used jti is kept until exp + 300 seconds",
            )],
        ),
        row(
            "without preventJtiReplay a token passes any number of times",
            header_config(""),
            vec![request(json!({"jti": "often"})).passes(), request(json!({"jti": "often"})).passes()],
        ),
        row(
            "a request without a token uses up no jti",
            header_config(&format!("{REPLAY}\nbypassEmptyToken: true")),
            vec![get().passes(), get().passes()],
        ),
    ]
}

fn used(request: Request) -> Step {
    request.rejected("S403JU", "Claim jti in JWT is used")
}

fn forged(world: &World, members: Value) -> Step {
    let stranger = SigningKey::generate(Algorithm::ES256);
    get().token(stranger.token(Some("k1"), &world.claims(&members))).invalid("signature verification failed")
}

trait ConcatSteps {
    fn concat_steps(self) -> Vec<Step>;
}

impl<const N: usize> ConcatSteps for [[Step; 2]; N] {
    fn concat_steps(self) -> Vec<Step> {
        self.into_iter().flatten().collect()
    }
}
