//! `metadata`: the document that tells clients where to get a token
//! ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)).

use serde_json::{Map, Value, json};

use super::scopes;
use crate::document::{Faults, Field};
use crate::request::Request;
use crate::response::Response;
use crate::url::{Authority, HttpUrl};

/// Where the document of a resource is ([RFC 9728 §3](https://www.rfc-editor.org/rfc/rfc9728#section-3)).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The most authorization servers.
const MAX_SERVERS: usize = 16;

/// The most scopes in the document.
const MAX_SCOPES: usize = 256;

/// The longest `resourceName`, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// How long clients may keep the document, in seconds. A change reaches them soon.
const MAX_AGE_SECONDS: u32 = 300;

/// `metadata`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    resource: HttpUrl,
    /// The URL of the document.
    url: String,
    /// The path of the URL, as requests have it.
    path: String,
    /// The members of the document.
    document: Map<String, Value>,
}

impl Metadata {
    /// Reads `metadata`. `None` after an error.
    ///
    /// Configuration errors: a missing or unknown field, a `resource` that is no `https` or `http` URL without query and
    /// fragment, no authorization server or one that is no such URL, an empty list of scopes, a text that is no scope.
    pub(super) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let resource = section.required("resource", faults).and_then(|field| url(&field, faults));
        let servers = section.required("authorizationServers", faults).and_then(|field| servers(&field, faults));
        let scopes = section.optional("scopesSupported").map(|field| {
            let fields = field.list_of_at_most(MAX_SCOPES, faults)?;
            // An empty list must not be in the document (RFC 9728 §3.2), and could mean "none" or "not said".
            if fields.is_empty() {
                faults.report(field.path(), "expected at least one element");
            }
            scopes::scopes(&fields, faults)
        });
        let name = section.optional("resourceName").map(|field| field.name_of_at_most(MAX_NAME_BYTES, faults));
        let mut links = Vec::new();
        for (field, member) in [
            ("resourceDocumentation", "resource_documentation"),
            ("resourcePolicyUri", "resource_policy_uri"),
            ("resourceTosUri", "resource_tos_uri"),
        ] {
            if let Some(field) = section.optional(field) {
                links.push((member, url(&field, faults)));
            }
        }
        section.finish(faults);
        let resource = resource?;
        let mut document = Map::new();
        document.insert("resource".to_owned(), json!(resource.text()));
        document.insert("authorization_servers".to_owned(), json!(servers?));
        if let Some(scopes) = scopes {
            document.insert("scopes_supported".to_owned(), json!(scopes?));
        }
        document.insert("bearer_methods_supported".to_owned(), json!(["header"]));
        if let Some(name) = name {
            document.insert("resource_name".to_owned(), json!(name?));
        }
        for (member, link) in links {
            document.insert(member.to_owned(), json!(link?.text()));
        }
        let path = well_known(&resource);
        Some(Self {
            url: format!("{}://{}{path}", resource.authority.scheme(), resource.authority.header()),
            path,
            document,
            resource,
        })
    }

    /// Adds that proofs with these algorithms are accepted, and whether each token must have one.
    pub(super) fn announce_dpop(&mut self, algorithms: &[&str], is_required: bool) {
        self.document.insert("dpop_signing_alg_values_supported".to_owned(), json!(algorithms));
        if is_required {
            self.document.insert("dpop_bound_access_tokens_required".to_owned(), json!(true));
        }
    }

    /// The text of the document.
    fn text(&self) -> String {
        Value::Object(self.document.clone()).to_string()
    }

    /// `resource`.
    pub(crate) fn resource(&self) -> &str {
        self.resource.text()
    }

    /// Where the resource is.
    pub(super) fn authority(&self) -> &Authority {
        &self.resource.authority
    }

    /// The host of the resource.
    pub(super) fn host(&self) -> &str {
        self.resource.authority.host()
    }

    /// The URL of the document.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The response to a request for the document; `None` for any other request.
    ///
    /// The document is also at the root, where some clients of the
    /// [Model Context Protocol](https://modelcontextprotocol.io/specification/2025-06-18/basic/authorization) look for it.
    pub(crate) fn response(&self, request: Request) -> Option<Response> {
        let target = request.target()?;
        if target.path != self.path.as_bytes() && target.path != WELL_KNOWN.as_bytes() {
            return None;
        }
        let headers = |more: &[(&'static str, &str)]| {
            let cross_origin = [("access-control-allow-origin", "*")];
            cross_origin.iter().chain(more).map(|&(name, value)| (name, value.to_owned())).collect()
        };
        let age = format!("max-age={MAX_AGE_SECONDS}");
        let (status, headers, body) = match request.values(":method").next().unwrap_or_default() {
            b"GET" | b"HEAD" => {
                (200, headers(&[("content-type", "application/json"), ("cache-control", &age)]), self.text())
            }
            b"OPTIONS" => {
                let methods = ("access-control-allow-methods", "GET, HEAD");
                let asked = ("access-control-allow-headers", "*");
                (204, headers(&[methods, asked, ("access-control-max-age", "300")]), String::new())
            }
            _ => (405, headers(&[("allow", "GET, HEAD, OPTIONS")]), String::new()),
        };
        Some(Response { status, details: "jwt_auth{metadata}".to_owned(), headers, body, grpc_status: None })
    }
}

/// The path of the document: the well-known part before the path of the resource
/// ([RFC 9728 §3.1](https://www.rfc-editor.org/rfc/rfc9728#section-3.1)).
fn well_known(resource: &HttpUrl) -> String {
    let path = resource.path();
    format!("{WELL_KNOWN}{}", if path == "/" { "" } else { path })
}

fn url(field: &Field, faults: &mut Faults) -> Option<HttpUrl> {
    let url = HttpUrl::parse(field.string(faults)?)
        .and_then(|url| if url.has_query() { Err("expected a URL without a query") } else { Ok(url) });
    url.map_err(|expected| faults.report(field.path(), expected)).ok()
}

fn servers(field: &Field, faults: &mut Faults) -> Option<Vec<String>> {
    let fields = field.list_of_at_most(MAX_SERVERS, faults)?;
    if fields.is_empty() {
        faults.report(field.path(), "expected at least one element");
    }
    let servers: Vec<_> = fields.iter().map(|field| url(field, faults).map(|url| url.text().to_owned())).collect();
    servers.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse_for_test;

    fn parse(text: &str) -> Result<Metadata, Vec<String>> {
        parse_for_test(text, |field, faults| Metadata::parse(&field, faults))
            .map_err(|error| error.faults().iter().map(ToString::to_string).collect())
    }

    fn at(resource: &str) -> Metadata {
        parse(&format!("{{resource: '{resource}', authorizationServers: ['https://issuer.example']}}")).unwrap()
    }

    fn response(metadata: &Metadata, method: &str, path: &str) -> Option<Response> {
        metadata.response(Request::new(&[(":method", method.as_bytes()), (":path", path.as_bytes())]))
    }

    #[test]
    fn the_document_has_the_members_of_rfc_9728_for_what_is_configured() {
        let all = parse(
            "{resource: 'https://api.example/orders', authorizationServers: ['https://issuer.example/a'], \
             scopesSupported: [read, write], resourceName: Orders, resourceDocumentation: 'https://api.example/docs', \
             resourcePolicyUri: 'https://api.example/policy', resourceTosUri: 'https://api.example/tos'}",
        )
        .unwrap();
        let document: Value = serde_json::from_str(&all.text()).unwrap();
        assert_eq!(
            document,
            json!({
                "resource": "https://api.example/orders",
                "authorization_servers": ["https://issuer.example/a"],
                "scopes_supported": ["read", "write"],
                "bearer_methods_supported": ["header"],
                "resource_name": "Orders",
                "resource_documentation": "https://api.example/docs",
                "resource_policy_uri": "https://api.example/policy",
                "resource_tos_uri": "https://api.example/tos",
            })
        );
        let least: Value = serde_json::from_str(&at("https://api.example").text()).unwrap();
        assert_eq!(
            least,
            json!({
                "resource": "https://api.example",
                "authorization_servers": ["https://issuer.example"],
                "bearer_methods_supported": ["header"],
            })
        );
    }

    #[test]
    fn the_document_is_where_rfc_9728_3_1_says() {
        for (resource, url) in [
            ("https://api.example", "https://api.example/.well-known/oauth-protected-resource"),
            ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
            ("https://api.example/a/b", "https://api.example/.well-known/oauth-protected-resource/a/b"),
            ("https://api.example/a/", "https://api.example/.well-known/oauth-protected-resource/a/"),
            ("http://localhost:10000/mcp", "http://localhost:10000/.well-known/oauth-protected-resource/mcp"),
        ] {
            assert_eq!(at(resource).url(), url, "{resource}");
        }
    }

    #[test]
    fn only_its_own_place_and_the_root_serve_it_and_the_host_of_the_request_does_not_matter() {
        let metadata = at("https://api.example/mcp");
        for path in [
            "/.well-known/oauth-protected-resource/mcp",
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-protected-resource?x=y",
        ] {
            let served = response(&metadata, "GET", path).unwrap();
            assert_eq!((served.status, served.body.as_str()), (200, metadata.text().as_str()), "{path}");
            assert_eq!(
                served.headers,
                [
                    ("access-control-allow-origin", "*".to_owned()),
                    ("content-type", "application/json".to_owned()),
                    ("cache-control", "max-age=300".to_owned()),
                ]
            );
        }
        for path in [
            "/",
            "/mcp",
            "/.well-known/oauth-protected-resource/",
            "/.well-known/oauth-protected-resource/mcp/",
            "/.well-known/oauth-protected-resource/other",
            "/.well-known/oauth-protected-resourcemcp",
            "/.well-known/OAUTH-protected-resource",
            "/%2ewell-known/oauth-protected-resource",
        ] {
            assert_eq!(response(&metadata, "GET", path), None, "{path}");
        }
        assert_eq!(metadata.response(Request::new(&[(":method", b"CONNECT")])), None);
    }

    #[test]
    fn browsers_may_ask_and_other_methods_are_not_allowed() {
        let metadata = at("https://api.example");
        let answer = |method| response(&metadata, method, WELL_KNOWN).unwrap();
        assert_eq!(answer("HEAD").status, 200);
        let preflight = answer("OPTIONS");
        assert_eq!((preflight.status, preflight.body.as_str()), (204, ""));
        assert!(preflight.headers.contains(&("access-control-allow-methods", "GET, HEAD".to_owned())));
        for method in ["POST", "PUT", "get", ""] {
            let refused = answer(method);
            assert_eq!((refused.status, refused.body.as_str()), (405, ""), "{method}");
            assert!(refused.headers.contains(&("allow", "GET, HEAD, OPTIONS".to_owned())));
        }
    }

    #[test]
    fn every_error_names_its_field() {
        const SERVERS: &str = "authorizationServers: ['https://issuer.example']";
        for (text, expected) in [
            ("{}".to_owned(), vec!["resource: required", "authorizationServers: required"]),
            (
                format!("{{resource: api, {SERVERS}}}"),
                vec!["resource: expected a URL of characters that RFC 3986 allows"],
            ),
            (format!("{{resource: 'https://a/?b', {SERVERS}}}"), vec!["resource: expected a URL without a query"]),
            (format!("{{resource: 'https://a/#b', {SERVERS}}}"), vec!["resource: expected a URL without a fragment"]),
            (
                "{resource: 'https://a', authorizationServers: []}".to_owned(),
                vec!["authorizationServers: expected at least one element"],
            ),
            (
                "{resource: 'https://a', authorizationServers: ['ftp://b']}".to_owned(),
                vec!["authorizationServers[0]: expected a URL with https or http"],
            ),
            (
                format!("{{resource: 'https://a', {SERVERS}, scopesSupported: []}}"),
                vec!["scopesSupported: expected at least one element"],
            ),
            (format!("{{resource: 'https://a', {SERVERS}, jwksUri: 'https://b'}}"), vec!["jwksUri: unknown field"]),
        ] {
            assert_eq!(parse(&text).unwrap_err(), expected, "{text}");
        }
    }
}
