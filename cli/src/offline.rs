//! Runs the filter outside of Envoy.

use jwt_auth::{Conflict, Decision, Edits, Header, Host, NumericDate, Plugin, Rejection, Request, SharedData};
use zeroize::Zeroizing;

use crate::jwk::Jwk;

/// The header with the token for a [`plugin`].
const PARAMETER: &str = "token";

/// The filter with this key and its default rules.
pub(crate) fn plugin(jwk: &Jwk) -> Plugin {
    let jwk = jwk.to_json();
    let configuration = format!(r#"{{"parameter":"{PARAMETER}","parameterLocation":"header","jwk":{}}}"#, *jwk);
    Plugin::new(Zeroizing::new(configuration).as_bytes(), b"")
}

/// A filter that would fetch its keys.
pub(crate) fn fetching_plugin() -> Plugin {
    let configuration = format!(
        r#"{{"parameter":"{PARAMETER}","parameterLocation":"header",
            "remoteJwks":{{"uri":"https://issuer.example/jwks","cluster":"issuer"}}}}"#
    );
    Plugin::new(configuration.as_bytes(), b"")
}

/// The decision of such a filter on a token.
pub(crate) fn decide_on_token(plugin: &Plugin, token: &[u8], now: NumericDate) -> Result<Edits, Rejection> {
    decide(plugin, Request::new(&[(PARAMETER, token)]), now).without_waiting()
}

/// The decision of a filter on a request, as if it had run for long and no `jti` was used before.
pub(crate) fn decide(plugin: &Plugin, request: Request, now: NumericDate) -> Decision {
    plugin.begin(NumericDate::from_unix_seconds(0.0), &Nothing);
    // Nothing is sent, so this need not be random.
    let random = || Some([0; 16]);
    plugin.decide(request, now, Host { shared_data: &Nothing, signatures: None, random })
}

/// Headers as the filter reads them.
pub(crate) fn borrowed(headers: &[(String, Vec<u8>)]) -> Vec<Header<'_>> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

/// Shared data that is always empty: each command decides on one request.
struct Nothing;

impl SharedData for Nothing {
    fn get(&self, _: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn set(&self, _: &str, _: &[u8], _: u32) -> Result<(), Conflict> {
        Ok(())
    }
}
