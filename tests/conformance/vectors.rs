//! The vectors of `tests/vectors`, as requests with expected results.

use kit::rows::{Request, get};
use serde_json::{Value, json};

/// A token, the only configured key, and the expected result.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) jwk: Value,
    pub(crate) token: String,
    /// Seconds since the epoch.
    pub(crate) now: f64,
    /// Whether the result holds only at [`Self::now`]. Otherwise it also holds at every later time of this century.
    pub(crate) only_at_now: bool,
    pub(crate) ignore_expiration: bool,
    /// `pass` or a code.
    pub(crate) expected: String,
    pub(crate) message: Option<String>,
    /// The claim `sub`, for tokens that pass.
    pub(crate) subject: Option<String>,
}

/// The vectors of all files.
pub(crate) fn all() -> Vec<Vector> {
    let files = [
        include_str!("../vectors/independent.json"),
        include_str!("../vectors/recent.json"),
        include_str!("../vectors/rfc7515.json"),
        include_str!("../vectors/page.json"),
    ];
    files
        .into_iter()
        .flat_map(|file| {
            let file: Value = serde_json::from_str(file).unwrap();
            file["vectors"].as_array().unwrap().iter().map(Vector::read).collect::<Vec<_>>()
        })
        .collect()
}

impl Vector {
    fn read(vector: &Value) -> Self {
        let text = |name: &str| vector[name].as_str().map(str::to_owned);
        let expected = text("expect").unwrap();
        Self {
            name: text("name").unwrap(),
            jwk: vector["jwk"].clone(),
            token: text("token").unwrap(),
            now: vector["now"].as_f64().unwrap(),
            only_at_now: vector["only_at_now"].as_bool().unwrap_or(false),
            ignore_expiration: vector["ignore_expiration"].as_bool().unwrap_or(false),
            subject: vector["claims"]["sub"].as_str().filter(|_| expected == "pass").map(str::to_owned),
            message: text("message"),
            expected,
        }
    }

    /// The configuration for this vector.
    pub(crate) fn config(&self) -> String {
        json!({
            "parameter": "X-Token",
            "jwk": self.jwk,
            "ignoreExpirationCheck": self.ignore_expiration,
            "maxTokenLifetimeSeconds": 0,
            "claimParameters": [{"claimName": "sub", "parameterName": "X-Sub", "location": "header"}],
        })
        .to_string()
    }

    /// A request with the token: in a header if possible, otherwise percent-encoded in the query.
    pub(crate) fn request(&self) -> Request {
        let fits = self.token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if fits {
            return get().token(&self.token);
        }
        let encoded: String = self.token.bytes().map(|byte| format!("%{byte:02X}")).collect();
        get().target(format!("/p?X-Token={encoded}"))
    }
}
