//! `htu` is that of a request when it is the same URL at one of the origins, as another library normalizes it: RFC 3986
//! §6.2.2 and §6.2.3, without query and fragment (RFC 9449 §4.3).
//!
//! Input: a digit for the origins, a line with `htu`, the target of the request.

use iri_string::types::UriStr;
use kit::dpop::Client;

use crate::bound;
use crate::world::{Input, NOW, split_target};

const ORIGINS: [&[&str]; 4] = [
    &["https://api.example"],
    &["http://api.example:8080", "https://b.example:8443"],
    &["https://[2001:db8::1]", "http://192.0.2.1/"],
    &["HTTPS://API.Example:443", "http://b.example:80"],
];

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let origins = ORIGINS[input.choice(ORIGINS.len())];
    let Ok(htu) = str::from_utf8(input.line()) else { return };
    let target = input.rest();
    let named = UrlOf::read(htu);
    let path = str::from_utf8(split_target(target).0).ok().filter(|path| path.starts_with('/') && !path.contains('#'));
    let requested = |origin: &&str| UrlOf::read(&format!("{}{}", origin.trim_end_matches('/'), path?));
    let is_same = named.is_some() && origins.iter().any(|origin| requested(origin) == named);
    let found = is_accepted(origins, htu, target);
    assert_eq!(found, is_same, "{htu:?} {} {origins:?}", target.escape_ascii());
    // What is normalized stays accepted.
    if let Some(named) = named.filter(|_| found) {
        assert!(is_accepted(origins, &named.text(), named.path.as_bytes()), "{named:?}");
        assert_eq!(UrlOf::read(&named.text()), Some(named));
    }
}

fn is_accepted(origins: &[&str], htu: &str, target: &[u8]) -> bool {
    let client = Client::new(bound::key(0), NOW.into());
    let proof = client.proof(bound::token(0)).claim("htu", htu).sign();
    match bound::decide(&bound::plugin(origins), 0, target, &[proof.as_bytes()]) {
        Ok(()) => true,
        Err(message) => {
            let expected = [bound::INVALID_PROOF, "claim htu is not that of this request"].concat();
            assert!(message == expected || proof.len() > 8192, "{message}: {htu:?}");
            false
        }
    }
}

/// A normalized URL without query and fragment.
#[derive(Debug, PartialEq)]
pub(crate) struct UrlOf {
    scheme: String,
    host: String,
    /// Empty for that of the scheme.
    port: String,
    path: String,
}

impl UrlOf {
    /// `None` for what is no URL, has no host, or has a user.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let url = UriStr::new(text).ok()?;
        url.ensure_rfc3986_normalizable().ok()?;
        let url = url.normalize().to_string();
        let url = UriStr::new(&url).ok()?;
        let authority = url.authority_components()?;
        if authority.userinfo().is_some() || authority.host().is_empty() {
            return None;
        }
        let scheme = url.scheme_str().to_owned();
        let default = match scheme.as_str() {
            "https" => "443",
            "http" => "80",
            _ => "",
        };
        let port = authority.port().filter(|&port| port != default).unwrap_or_default().to_owned();
        let path = Some(url.path_str()).filter(|path| !path.is_empty()).unwrap_or("/").to_owned();
        Some(Self { scheme, host: authority.host().to_owned(), port, path })
    }

    fn text(&self) -> String {
        let Self { scheme, host, port, path } = self;
        let colon = if port.is_empty() { "" } else { ":" };
        format!("{scheme}://{host}{colon}{port}{path}")
    }
}
