//! The URLs of a configuration and of issuers.

use fluent_uri::Uri;

/// The longest URL, in bytes. Those of issuers have about 100.
const MAX_URL_BYTES: usize = 2048;

/// An `http` or `https` URL ([RFC 9110 §4.2](https://www.rfc-editor.org/rfc/rfc9110#section-4.2)) without user,
/// password and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    text: String,
    pub(crate) authority: Authority,
    path: String,
    query: Option<String>,
}

/// Where a URL leads: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) is_https: bool,
    /// In lower case.
    host: String,
    port: u16,
}

impl HttpUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What was expected, for a message: when it is no URL by [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986), is too
    /// long, has another scheme, a user, a password, a fragment or no host.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_URL_BYTES {
            return Err("expected a URL of at most 2048 bytes");
        }
        let uri = Uri::parse(text).map_err(|_| "expected a URL of characters that RFC 3986 allows")?;
        let is_https = uri.scheme().as_str().eq_ignore_ascii_case("https");
        if !is_https && !uri.scheme().as_str().eq_ignore_ascii_case("http") {
            return Err("expected a URL with https or http");
        }
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("expected a URL with a host")?;
        if authority.has_userinfo() {
            return Err("expected a URL without user and password");
        }
        if uri.has_fragment() {
            return Err("expected a URL without a fragment");
        }
        let port = match authority.port().map(|port| port.as_str()) {
            None | Some("") => Authority::default_port(is_https),
            Some(port) => port.parse().ok().filter(|&port| port != 0).ok_or("expected a port from 1 to 65535")?,
        };
        Ok(Self {
            text: text.to_owned(),
            authority: Authority { is_https, host: authority.host().to_ascii_lowercase(), port },
            path: uri.path().as_str().to_owned(),
            query: uri.query().map(|query| query.as_str().to_owned()),
        })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The path, still encoded.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn has_query(&self) -> bool {
        self.query.is_some()
    }

    /// The path and query of a request for it ([RFC 9112 §3.2.1](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1)).
    pub(crate) fn request_target(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    /// The path of the discovery document
    /// ([OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
    pub(crate) fn openid_configuration(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.path_without_final_slash())
    }

    /// The path of the metadata of an authorization server
    /// ([RFC 8414 §3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)).
    pub(crate) fn authorization_server_metadata(&self) -> String {
        format!("/.well-known/oauth-authorization-server{}", self.path_without_final_slash())
    }

    fn path_without_final_slash(&self) -> &str {
        self.path.strip_suffix('/').unwrap_or(&self.path)
    }
}

impl Authority {
    /// Reads a host with an optional port, for `https` or `http`.
    ///
    /// # Errors
    /// What was expected, for a message.
    pub(crate) fn parse(text: &str, is_https: bool) -> Result<Self, &'static str> {
        let scheme = if is_https { "https" } else { "http" };
        let url = HttpUrl::parse(&format!("{scheme}://{text}")).ok();
        let url = url.filter(|url| url.path.is_empty() && url.query.is_none());
        url.map(|url| url.authority).ok_or("expected a host, or host:port")
    }

    /// Reads a URL of only a scheme, a host and a port.
    ///
    /// # Errors
    /// What was expected, for a message.
    pub(crate) fn of_origin(text: &str) -> Result<Self, &'static str> {
        let url = HttpUrl::parse(text)?;
        let is_origin = matches!(url.path.as_str(), "" | "/") && url.query.is_none();
        if is_origin { Ok(url.authority) } else { Err("expected a URL without path and query") }
    }

    /// The URL of only scheme, host and port ([RFC 6454 §6.2](https://www.rfc-editor.org/rfc/rfc6454#section-6.2)).
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.header())
    }

    /// The value of `:authority`, without the default port.
    pub(crate) fn header(&self) -> String {
        if self.port == Self::default_port(self.is_https) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The host, without the port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    fn default_port(is_https: bool) -> u16 {
        if is_https { 443 } else { 80 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_the_parts_of_a_request() {
        for (text, scheme, authority, target) in [
            ("https://issuer.example/keys", "https", "issuer.example", "/keys"),
            ("HTTPS://Issuer.Example:443", "https", "issuer.example", "/"),
            ("http://127.0.0.1:80/a?b=/c%20d", "http", "127.0.0.1", "/a?b=/c%20d"),
            ("http://[2001:DB8::1]:8080/?", "http", "[2001:db8::1]:8080", "/?"),
            ("https://issuer.example:80/a/../b//c", "https", "issuer.example:80", "/a/../b//c"),
            ("https://issuer.example:/x", "https", "issuer.example", "/x"),
        ] {
            let url = HttpUrl::parse(text).unwrap();
            assert_eq!(
                (url.authority.scheme(), url.authority.header(), url.request_target()),
                (scheme, authority.to_owned(), target.to_owned()),
                "{text}"
            );
            assert_eq!(url.text(), text);
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_an_error() {
        for (text, expected) in [
            ("https://user@issuer.example/", "expected a URL without user and password"),
            ("https://@issuer.example/", "expected a URL without user and password"),
            ("https://issuer.example/#a", "expected a URL without a fragment"),
            ("ftp://issuer.example/", "expected a URL with https or http"),
            ("https:issuer.example", "expected a URL with a host"),
            ("https:///keys", "expected a URL with a host"),
            ("https://:8080/", "expected a URL with a host"),
            ("https://issuer.example:0/", "expected a port from 1 to 65535"),
            ("https://issuer.example:65536/", "expected a port from 1 to 65535"),
            ("https://issuer.example/a b", "expected a URL of characters that RFC 3986 allows"),
            ("https://issuer.example/\r\nx: y", "expected a URL of characters that RFC 3986 allows"),
            ("https://issuer.example\\@evil.example/", "expected a URL of characters that RFC 3986 allows"),
            ("https://issuer.example/\u{e9}", "expected a URL of characters that RFC 3986 allows"),
            ("https://issuer.example/%zz", "expected a URL of characters that RFC 3986 allows"),
            ("/keys", "expected a URL of characters that RFC 3986 allows"),
            ("", "expected a URL of characters that RFC 3986 allows"),
            (&format!("https://issuer.example/{}", "a".repeat(2048)), "expected a URL of at most 2048 bytes"),
        ] {
            assert_eq!(HttpUrl::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn metadata_is_where_the_two_standards_say() {
        for (text, openid, oauth) in [
            ("https://a", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"),
            ("https://a/", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"),
            ("https://a/b/c", "/b/c/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/b/c"),
            ("https://a/b/", "/b/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/b"),
        ] {
            let url = HttpUrl::parse(text).unwrap();
            assert_eq!(
                (url.openid_configuration().as_str(), url.authorization_server_metadata().as_str()),
                (openid, oauth)
            );
        }
    }

    #[test]
    fn authorities_are_equal_in_any_case_and_with_the_default_port() {
        let url = |text| HttpUrl::parse(text).unwrap().authority;
        assert_eq!(url("https://A.example/x"), url("https://a.EXAMPLE:443/y"));
        assert_eq!(Authority::parse("WWW.example", true), Ok(url("https://www.example/")));
        for other in [
            "http://a.example/",
            "https://a.example:8443/",
            "https://a.example.evil/",
            "https://b.example/",
            "http://a.example:443",
        ] {
            assert_ne!(url("https://a.example/"), url(other));
        }
        for text in ["", "a/b", "a?b", "a#b", "u@a", "a b", "https://a", "a:x"] {
            assert_eq!(Authority::parse(text, true), Err("expected a host, or host:port"), "{text}");
        }
    }
}
