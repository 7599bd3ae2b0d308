//! The proofs of `tests/vectors/proofs.json`, made by other libraries, as steps for the core.

use kit::rows::{Request, Step, get};
use serde_json::{Value, json};

/// A request with a bound token and its proof, and the expected result.
pub(crate) struct Proof {
    pub(crate) name: String,
    pub(crate) config: String,
    pub(crate) step: Step,
    /// Seconds since the epoch.
    pub(crate) now: f64,
}

/// All proofs.
pub(crate) fn all() -> Vec<Proof> {
    let file: Value = serde_json::from_str(include_str!("../vectors/proofs.json")).unwrap();
    file["vectors"].as_array().unwrap().iter().map(|vector| Proof::read(&file, vector)).collect()
}

impl Proof {
    fn read(file: &Value, vector: &Value) -> Self {
        let metadata = json!({"resource": file["resource"], "authorizationServers": ["https://issuer.example"]});
        let config = json!({
            "parameter": "Authorization",
            "parameterLocation": "header",
            "jwk": file["jwk"],
            "maxTokenLifetimeSeconds": 0,
            "resourceServer": {"metadata": metadata, "dpop": {"algorithms": vector["algorithms"]}},
        });
        Self {
            name: text(&vector["name"]).to_owned(),
            config: config.to_string(),
            step: expected(request(vector), vector),
            now: vector["now"].as_f64().unwrap(),
        }
    }
}

fn request(vector: &Value) -> Request {
    let method = if vector["method"] == "GET" { "GET" } else { "POST" };
    assert_eq!(vector["method"], method);
    let request = get().target(text(&vector["target"])).header("authorization", text(&vector["authorization"]));
    let request = Request { method, ..request };
    let proofs = vector["proofs"].as_array().unwrap();
    proofs.iter().fold(request, |request, proof| request.header("dpop", text(proof)))
}

fn expected(request: Request, vector: &Value) -> Step {
    let common = "realm=\"api.example\", \
                  resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\"";
    let names: Vec<_> = vector["algorithms"].as_array().unwrap().iter().map(text).collect();
    let dpop = format!("DPoP {common}, algs=\"{}\"", names.join(" "));
    let bearer = format!("Bearer {common}");
    let invalid_token = "error=\"invalid_token\", error_description=\"The token is not valid\"";
    let invalid_proof = "error=\"invalid_dpop_proof\", error_description=\"The DPoP proof is missing or not valid\"";
    let with_dpop = !text(&vector["authorization"]).starts_with("Bearer ");
    let (code, challenges) = match text(&vector["expect"]) {
        "pass" => return request.passes(),
        "A403DP" => ("A403DP", [format!("{dpop}, {invalid_proof}"), bearer]),
        "A403JT" if with_dpop => ("A403JT", [format!("{dpop}, {invalid_token}"), bearer]),
        "A403JT" => ("A403JT", [format!("{bearer}, {invalid_token}"), dpop]),
        other => panic!("{other}"),
    };
    request.challenged(401, code, text(&vector["message"]), &challenges.each_ref().map(String::as_str))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
