//! `htu`: where a proof says that its request goes.

use fluent_uri::Uri;
use fluent_uri::normalize::Normalizer;

use crate::url::Authority;

/// Whether `htu` is the path at one of the origins, after the normalization of
/// [RFC 3986 §6.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2) and §6.2.3, without query and fragment
/// ([RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), 9).
///
/// The host that the request names does not matter: a server to which a client was lured could name any.
pub(super) fn is_target(htu: &str, origins: &[Authority], path: &str) -> bool {
    let Some(named) = normalized(htu) else { return false };
    // What is behind an origin without a slash would be a part of another host's name.
    if !path.starts_with('/') || path.contains('#') {
        return false;
    }
    origins.iter().any(|origin| normalized(&format!("{}{path}", origin.origin())).as_ref() == Some(&named))
}

/// `None` for what is no URL with a host, or has a user.
fn normalized(url: &str) -> Option<String> {
    let uri = Uri::parse(url).ok()?;
    if uri.authority().is_none_or(|authority| authority.has_userinfo() || authority.host().is_empty()) {
        return None;
    }
    let uri = Normalizer::new().normalize(&uri).ok()?;
    let path = uri.path().as_str();
    let path = if path.is_empty() { "/" } else { path };
    Some(format!("{}://{}{path}", uri.scheme().as_str(), uri.authority()?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(htu: &str, origin: &str, path: &str) -> bool {
        is_target(htu, &[Authority::of_origin(origin).unwrap()], path)
    }

    #[test]
    fn spellings_of_the_same_url_are_equal() {
        for (htu, path) in [
            ("https://api.example/a/b", "/a/b"),
            ("HTTPS://API.example:443/a/b", "/a/b"),
            ("https://api.example/a/b?x=y", "/a/b"),
            ("https://api.example/a/b#z", "/a/b"),
            ("https://api.example/%61/b", "/a/b"),
            ("https://api.example/a/b", "/%61/%62"),
            ("https://api.example/a%2fb", "/a%2Fb"),
            ("https://api.example/c/../a/./b", "/a/b"),
            ("https://api.example", "/"),
            ("https://api.example/", "/"),
            ("https://api.example/~a", "/%7Ea"),
            ("https://api.example:/a", "/a"),
        ] {
            assert!(is(htu, "https://api.example", path), "{htu} {path}");
        }
        assert!(is("http://[2001:DB8::1]:8080/a", "http://[2001:db8::1]:8080", "/a"));
        let two = ["https://a.example", "https://b.example"].map(|origin| Authority::of_origin(origin).unwrap());
        assert!(is_target("https://b.example/x", &two, "/x"));
    }

    #[test]
    fn another_url_is_not() {
        for (htu, path) in [
            ("https://api.example/a", "/b"),
            ("https://api.example/a", "/a/"),
            ("https://api.example/A", "/a"),
            ("https://api.example/a/b", "/a%2fb"),
            ("https://api.example//a", "/a"),
            ("http://api.example/a", "/a"),
            ("https://api.example:8443/a", "/a"),
            ("https://api.example.evil/a", "/a"),
            ("https://evil.example/a", "/a"),
            ("https://api.example@evil.example/a", "/a"),
            ("https://user@api.example/a", "/a"),
            ("https:///a", "/a"),
            ("https:/a", "/a"),
            ("/a", "/a"),
            ("//api.example/a", "/a"),
            ("https://api.example\\a", "/a"),
            ("https://api.example/a b", "/a b"),
            ("https://api.example/%zz", "/%zz"),
            ("", "/"),
            ("https://api.example.evil/a", ".evil/a"),
            ("https://api.example@evil.example/a", "@evil.example/a"),
            ("https://api.example:8443/a", ":8443/a"),
            ("https://api.example*", "*"),
            ("https://api.example", ""),
            ("https://api.example/a", "/a#b"),
        ] {
            assert!(!is(htu, "https://api.example", path), "{htu} {path}");
        }
    }
}
