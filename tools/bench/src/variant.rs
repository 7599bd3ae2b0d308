//! The measured variants: filters and their requests.

use kit::bootstrap::{Configuration, WasmFilter, guard};
use kit::issuer::Algorithm;
use serde_json::{Value, json};

use crate::settings::Settings;
use crate::tokens::{Issuer, Kind};

/// A row of the report.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// The name, also of the listener.
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) filter: Filter,
    pub(crate) tokens: Kind,
    /// Whether all requests have the same token. Otherwise each has its own.
    pub(crate) same: bool,
    /// The number of requests in a turn, smaller for slow ones.
    pub(crate) requests: usize,
    /// The expected status of every response.
    pub(crate) status: u16,
    /// The number of `jti`s used up before the first turn.
    pub(crate) live_jtis: usize,
    pub(crate) content: Content,
}

/// The content of a request in addition to its token. Parameters are as small as possible, so that there are many of
/// them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// Two parameters in the query.
    Plain,
    /// A query of this many bytes.
    Query(usize),
    /// A form of this many bytes.
    Form(usize),
}

/// The filters before the router.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    None,
    Noop,
    /// `envoy.filters.http.jwt_authn`, with or without its `jwt_cache_config`.
    Native {
        algorithm: Algorithm,
        cache: bool,
    },
    /// This filter. With `outcome`, also the guard after it.
    JwtAuth {
        configuration: Value,
        pure_wasm: bool,
    },
}

const RS256: Algorithm = Algorithm::RS256;

impl Filter {
    /// The `envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter`s.
    pub(crate) fn render(&self, name: &str, settings: &Settings) -> Vec<Value> {
        match self {
            Self::None => Vec::new(),
            Self::Noop => {
                let filter = WasmFilter::new(name, &settings.noop, Configuration::Text(String::new()));
                vec![WasmFilter { vm_id: "noop".to_owned(), ..filter }.render()]
            }
            Self::Native { algorithm, cache } => vec![native(*algorithm, *cache)],
            Self::JwtAuth { configuration, pure_wasm } => {
                let filter = WasmFilter::new(name, &settings.filter, Configuration::Text(configuration.to_string()));
                let vm_configuration = pure_wasm.then(|| "signatures: wasm".to_owned());
                // Each variant has its own VM and replay store.
                let filter = WasmFilter { vm_id: name.to_owned(), vm_configuration, ..filter }.render();
                let guard = configuration.get("outcome").map(|_| guard("jwt_auth"));
                [filter].into_iter().chain(guard).collect()
            }
        }
    }
}

/// `jwt_authn` with the same work as this filter: it reads the token from the same header, forwards it, and forwards
/// two claims in headers.
fn native(algorithm: Algorithm, cache: bool) -> Value {
    let mut provider = json!({
        "issuer": "https://issuer.example.com",
        "audiences": ["orders"],
        "forward": true,
        "from_headers": [{"name": "X-Token"}],
        "local_jwks": {"inline_string": json!({"keys": Issuer::jwks(&[algorithm])}).to_string()},
        "claim_to_headers": [
            {"header_name": "x-sub", "claim_name": "sub"},
            {"header_name": "x-tenant", "claim_name": "tenant"},
        ],
    });
    if cache {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": 4096});
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"issuer": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}],
        },
    })
}

/// The configuration of this filter: two claims mapped to `place`, and `more` fields.
fn configuration(algorithms: &[Algorithm], place: &str, more: &Value) -> Value {
    let names = if place == "header" { ["x-sub", "x-tenant"] } else { ["sub", "tenant"] };
    let mut configuration = json!({
        "parameter": "X-Token",
        "parameterLocation": "header",
        "issuer": "https://issuer.example.com",
        "audiences": ["orders"],
        "claimParameters": [
            {"claimName": "sub", "parameterName": names[0], "location": place},
            {"claimName": "tenant", "parameterName": names[1], "location": place},
        ],
        "jwks": Issuer::jwks(algorithms),
    });
    if let (Some(fields), Some(more)) = (configuration.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    configuration
}

/// Like [`jwt_auth`], with the key fetched from [`crate::proxy::KEYS`].
fn jwt_auth_remote(algorithm: Algorithm) -> Filter {
    let mut configuration = configuration(&[algorithm], "header", &json!({}));
    if let Some(fields) = configuration.as_object_mut() {
        fields.remove("jwks");
    }
    configuration["remoteJwks"] = json!({
        "uri": "http://issuer.example.com/",
        "cluster": crate::proxy::KEYS,
        "issuer": "https://issuer.example.com",
    });
    Filter::JwtAuth { configuration, pure_wasm: false }
}

fn jwt_auth(algorithm: Algorithm, place: &str, more: &Value) -> Filter {
    Filter::JwtAuth { configuration: configuration(&[algorithm], place, more), pure_wasm: false }
}

/// This filter as a resource server for tokens with and without a proof.
fn resource_server() -> Filter {
    let server = json!({
        "metadata": {
            "resource": "https://api.example.com/orders",
            "authorizationServers": ["https://issuer.example.com"],
        },
        // A busy machine makes requests late.
        "dpop": {"maxAgeSeconds": 300},
    });
    jwt_auth(Algorithm::ES256, "header", &json!({"parameter": "Authorization", "resourceServer": server}))
}

/// This filter with replay protection, and with `jtiStore` of this kind in the cluster called `name`, if there is one.
/// Each request has a new RS256 token.
pub(crate) fn with_jti_store(name: &'static str, label: &'static str, kind: Option<&str>) -> Variant {
    let mut more = json!({"preventJtiReplay": true, "maxTrackedJtis": 10_000_000});
    if let Some(kind) = kind {
        // With the longest timeout, a busy machine makes answers late instead of making requests fail.
        more["jtiStore"] = json!({"kind": kind, "cluster": name, "timeoutMilliseconds": 5_000});
    }
    Variant {
        name,
        label,
        filter: jwt_auth(RS256, "header", &more),
        tokens: Kind::Good(RS256),
        same: false,
        requests: 0,
        status: 200,
        live_jtis: 0,
        content: Content::Plain,
    }
}

/// All variants but those with `jtiStore`. Variants that are compared follow each other.
pub(crate) fn all(settings: &Settings) -> Vec<Variant> {
    let headers = || jwt_auth(RS256, "header", &json!({}));
    let known = |name, label, filter| Variant {
        name,
        label,
        filter,
        tokens: Kind::Good(RS256),
        same: true,
        requests: 25_000,
        status: 200,
        live_jtis: 0,
        content: Content::Plain,
    };
    let each =
        |name, label, filter, tokens| Variant { tokens, same: false, requests: 8_000, ..known(name, label, filter) };
    let rejected = |name, label, filter, tokens, status| Variant { status, ..each(name, label, filter, tokens) };
    let native = |algorithm, cache| Filter::Native { algorithm, cache };
    let replay = |more: &Value| Filter::JwtAuth {
        configuration: configuration(&[RS256, Algorithm::HS256], "header", more),
        pure_wasm: false,
    };
    let replay_on = json!({"preventJtiReplay": true, "maxTrackedJtis": 10_000_000});
    let fresh = |name, label, more: &Value, live_jtis| Variant {
        requests: 4_000,
        live_jtis,
        ..each(name, label, replay(more), Kind::ShortLived)
    };
    let slow = |name, label, algorithm, filter| Variant {
        requests: 2_000,
        ..each(name, label, filter, Kind::Good(algorithm))
    };
    let pure = |algorithm| Filter::JwtAuth {
        configuration: configuration(&[algorithm], "header", &json!({})),
        pure_wasm: true,
    };
    let parameters = |name, label, place, count, content, requests| {
        let target = |number: usize| {
            let claim = if number == 0 { "sub".to_owned() } else { format!("claim{number}") };
            json!({"claimName": claim, "parameterName": format!("userParameter{number}"), "location": place})
        };
        let targets: Vec<Value> = (0..count).map(target).collect();
        let filter = jwt_auth(RS256, place, &json!({"claimParameters": targets}));
        Variant { requests, content, ..known(name, label, filter) }
    };
    const FORM: Content = Content::Form(1_000_000);
    const QUERY: Content = Content::Query(50_000);
    use Algorithm::{ES256, ES512, EdDSA, HS256, PS256};
    let variants = vec![
        known("none", "no filter", Filter::None),
        known("noop", "a Wasm filter that does nothing", Filter::Noop),
        known("native-same", "jwt_authn with its cache, one token", native(RS256, true)),
        known("same", "jwt-auth, one token", headers()),
        known("same-remote", "jwt-auth, one token, the key from a URL", jwt_auth_remote(RS256)),
        known("same-guard", "jwt-auth, one token, with the guard", jwt_auth(RS256, "header", &json!({"outcome": {}}))),
        known("same-query", "jwt-auth, one token, claims to the query", jwt_auth(RS256, "query", &json!({}))),
        known(
            "same-path",
            "jwt-auth, one token, claims to the path",
            jwt_auth(RS256, "path", &json!({"backendPath": "/{tenant}/{sub}{path}"})),
        ),
        Variant { requests: 300, content: FORM, ..known("form-none", "no filter, a form of 1 MB", Filter::None) },
        parameters("form-1", "jwt-auth, a form of 1 MB, 1 claim to it", "formData", 1, FORM, 300),
        parameters("form-20", "jwt-auth, a form of 1 MB, 20 claims to it", "formData", 20, FORM, 300),
        parameters("query-20", "jwt-auth, a query of 50 KB, 20 claims to it", "query", 20, QUERY, 2_000),
        each("native", "jwt_authn, many tokens", native(RS256, false), Kind::Good(RS256)),
        each("many", "jwt-auth, many tokens", headers(), Kind::Good(RS256)),
        each("many-remote", "jwt-auth, many tokens, the key from a URL", jwt_auth_remote(RS256), Kind::Good(RS256)),
        each("native-large", "jwt_authn, many tokens of 4 KB, 50 claims", native(RS256, false), Kind::Large),
        each("large", "jwt-auth, many tokens of 4 KB, 50 claims", headers(), Kind::Large),
        fresh(
            "replay-off",
            "jwt-auth, many tokens, without replay protection",
            &json!({"tokenCache": {"maxEntries": 0}}),
            0,
        ),
        fresh("replay-few", "jwt-auth, replay protection, a thousand live jtis", &replay_on, 1_000),
        fresh("replay-many", "jwt-auth, replay protection, a million live jtis", &replay_on, settings.live_jtis),
        rejected("native-bad", "jwt_authn, bad signatures", native(RS256, false), Kind::BadSignature, 401),
        rejected("bad", "jwt-auth, bad signatures", headers(), Kind::BadSignature, 403),
        rejected("native-expired", "jwt_authn, expired tokens", native(RS256, false), Kind::Expired, 401),
        rejected("expired", "jwt-auth, expired tokens", headers(), Kind::Expired, 403),
        rejected("native-missing", "jwt_authn, no token", native(RS256, false), Kind::Missing, 401),
        rejected("missing", "jwt-auth, no token", headers(), Kind::Missing, 400),
        slow("native-es256", "jwt_authn, ES256, many tokens", ES256, native(ES256, false)),
        slow("es256", "jwt-auth, ES256, many tokens", ES256, jwt_auth(ES256, "header", &json!({}))),
        Variant {
            requests: 8_000,
            tokens: Kind::Bearer,
            ..known("bearer-same", "jwt-auth, ES256, Bearer, one token", resource_server())
        },
        Variant {
            tokens: Kind::Proofs,
            ..slow("dpop-same", "jwt-auth, ES256, DPoP, one token, many proofs", ES256, resource_server())
        },
        Variant {
            tokens: Kind::Bearer,
            ..slow("bearer", "jwt-auth, ES256, Bearer, many tokens", ES256, resource_server())
        },
        Variant {
            tokens: Kind::Bound,
            ..slow("dpop", "jwt-auth, ES256, DPoP, many tokens, many proofs", ES256, resource_server())
        },
        slow("native-es512", "jwt_authn, ES512, many tokens", ES512, native(ES512, false)),
        slow("es512", "jwt-auth, ES512, many tokens", ES512, jwt_auth(ES512, "header", &json!({}))),
        slow("native-ps256", "jwt_authn, PS256, many tokens", PS256, native(PS256, false)),
        slow("ps256", "jwt-auth, PS256, many tokens", PS256, jwt_auth(PS256, "header", &json!({}))),
        slow("native-eddsa", "jwt_authn, EdDSA, many tokens", EdDSA, native(EdDSA, false)),
        slow("eddsa", "jwt-auth, EdDSA, many tokens", EdDSA, jwt_auth(EdDSA, "header", &json!({}))),
        slow("native-hs256", "jwt_authn, HS256, many tokens", HS256, native(HS256, false)),
        slow("hs256", "jwt-auth, HS256, many tokens", HS256, jwt_auth(HS256, "header", &json!({}))),
        slow("wasm-rs256", "jwt-auth, all in Wasm, RS256, many tokens", RS256, pure(RS256)),
        slow("wasm-es256", "jwt-auth, all in Wasm, ES256, many tokens", ES256, pure(ES256)),
    ];
    variants.into_iter().filter(|variant| settings.wants(variant.name)).collect()
}
