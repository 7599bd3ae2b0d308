//! `envoy/mcp.yaml` in a live Envoy, as a client of the Model Context Protocol sees it that knows only the URL of the
//! server. The token service of the command is the authorization server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kit::envoy::{self, Envoy};
use kit::http::{Address, RequestBuilder, Response, exchange};
use kit::issuer::{Algorithm, SigningKey};
use kit::upstream::Upstream;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::jti_stores_live::connect;
use crate::oauth::MCP;
use crate::remote_keys::{bootstrap, configuration, with_local_paths};
use crate::{at, at_mut, root};

/// Argon2id hash of `wonderland` with minimal cost, made by argon2-cffi.
const PASSWORD: &str = "$argon2id$v=19$m=64,t=1,p=1$x3DQC0WJ9NuI1GYRAmnaqQ$RHIATqcF23a5bJEEvLLVHZdiKfMpWsh8XwhYOGdvS4s";

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

/// A token service at `https://auth.example.com`. Alice has the scope of the file, and Bob has another one.
struct TokenService {
    process: Child,
    address: Address,
    _folder: TempDir,
}

impl TokenService {
    fn start(issuer: &str, resource: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::cached(Algorithm::ES256).private_jwk(Some("k"), true);
        let users = format!(
            "users:\n- {{name: alice, passwordHash: '{PASSWORD}', claims: {{scope: 'mcp:tools'}}}}\n\
             - {{name: bob, passwordHash: '{PASSWORD}', claims: {{scope: 'mcp:tools:read'}}}}\n"
        );
        for (name, text) in [("key", key.to_string()), ("users", users)] {
            write_secret(&folder.path().join(name), &text);
        }
        let command = std::env::var_os("JWT_AUTH").expect("JWT_AUTH must be set; `make test` does it");
        let mut process = Command::new(root().join(command))
            .current_dir(folder.path())
            .args(["serve", "--key", "key", "--users", "users", "--listen", "127.0.0.1:0"])
            .args(["--iss", issuer, "--aud", resource])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("jwt-auth: listening on http://");
        let address = Address::Tcp(address.unwrap_or_else(|| panic!("{line}")).parse().unwrap());
        Self { process, address, _folder: folder }
    }
}

impl Drop for TokenService {
    fn drop(&mut self) {
        // Both only fail if the process has already ended and been reaped.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// What a client finds at the two hosts of the file.
struct Internet<'a> {
    server: Address,
    token_service: &'a TokenService,
}

impl Internet<'_> {
    /// Sends a request to the host of a URL.
    fn send(&self, url: &str, request: impl FnOnce(&str) -> RequestBuilder) -> Response {
        let rest = url.strip_prefix("https://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let address = match host {
            "mcp.example.com" => &self.server,
            "auth.example.com" => &self.token_service.address,
            other => panic!("no client knows {other}"),
        };
        exchange(address, &request(path).build()).unwrap()
    }

    fn get(&self, url: &str) -> Json {
        let response = self.send(url, |path| RequestBuilder::get(path));
        assert_eq!(response.status, 200, "{url}: {response:?}");
        serde_json::from_slice(&response.body).unwrap()
    }

    fn call(&self, url: &str, token: Option<&str>) -> Response {
        self.send(url, |path| {
            let request = RequestBuilder::post(path).header("content-type", "application/json").body(CALL);
            match token {
                Some(token) => request.header("authorization", format!("Bearer {token}")),
                None => request,
            }
        })
    }

    /// Gets a token as RFC 9728 §5 describes it, from nothing but the answer to a call without one.
    fn token(&self, refused: &Response, url: &str, user: &str) -> String {
        let metadata = self.get(&parameter(challenge(refused), "resource_metadata"));
        // RFC 9728 §3.3: otherwise the document is somebody else's.
        assert_eq!(metadata["resource"], url);
        assert_eq!(metadata["bearer_methods_supported"], serde_json::json!(["header"]));
        let issuer = metadata["authorization_servers"][0].as_str().unwrap();
        let about = self.get(&format!("{issuer}/.well-known/oauth-authorization-server"));
        assert_eq!(about["issuer"], issuer);
        let response = self.send(about["token_endpoint"].as_str().unwrap(), |path| {
            let form = format!("grant_type=password&username={user}&password=wonderland&resource={url}");
            RequestBuilder::post(path).header("content-type", "application/x-www-form-urlencoded").body(form)
        });
        assert_eq!(response.status, 200, "{response:?}");
        let answer: Json = serde_json::from_slice(&response.body).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

fn challenge(response: &Response) -> &str {
    std::str::from_utf8(response.header("www-authenticate").expect("a challenge")).unwrap()
}

/// The value of a parameter of a challenge.
fn parameter(challenge: &str, name: &str) -> String {
    let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {challenge}"));
    rest.split('"').next().unwrap().to_owned()
}

fn code(response: &Response) -> Option<String> {
    response.header("x-ca-error-code").map(|code| String::from_utf8_lossy(code).into_owned())
}

#[test]
fn a_client_that_knows_only_the_url_of_the_mcp_server_gets_a_token_and_calls_it() {
    for binary in envoy::binaries() {
        let mut bootstrap = with_local_paths(bootstrap(MCP));
        let configuration = configuration(MCP, &bootstrap);
        let text = |path: &str| at(&configuration, path).as_str().unwrap().to_owned();
        let url = text("resourceServer/metadata/resource");
        let (upstream, token_service) = (Upstream::start(), TokenService::start(&text("remoteJwks/discovery"), &url));
        let Address::Tcp(address) = token_service.address else { panic!("TCP") };
        connect(&mut bootstrap, "auth", &[address]);
        connect(&mut bootstrap, "upstream", &[upstream.address()]);
        // The token service has no TLS. The other files' tests show what these settings accept.
        let auth = at_mut(&mut bootstrap, "static_resources/clusters/@auth");
        auth.as_mapping_mut().unwrap().remove("transport_socket");
        let envoy = Envoy::start_with(&binary, "envoy.yaml", &serde_yaml::to_string(&bootstrap).unwrap(), 1);
        let envoy = envoy.unwrap_or_else(|error| panic!("{error}"));
        let internet = Internet { server: envoy.address("main").unwrap(), token_service: &token_service };

        let refused = internet.call(&url, None);
        assert_eq!((refused.status, code(&refused)), (401, Some("I400JR".to_owned())), "{}", envoy.log());
        assert_eq!(
            challenge(&refused),
            "Bearer realm=\"mcp.example.com\", \
             resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\", scope=\"mcp:tools\""
        );
        assert_eq!(upstream.requests(), 0);

        let token = internet.token(&refused, &url, "alice");
        let answer = internet.call(&url, Some(&token));
        assert_eq!(answer.status, 200, "{answer:?} {}", envoy.log());
        let received = answer.echoed().unwrap();
        assert_eq!((received.header("x-user"), received.header("authorization")), (Some(&b"alice"[..]), None));
        assert_eq!(received.body, CALL.as_bytes());

        let token = internet.token(&refused, &url, "bob");
        let answer = internet.call(&url, Some(&token));
        assert_eq!((answer.status, code(&answer)), (403, Some("A403JS".to_owned())), "{}", envoy.log());
        assert_eq!(parameter(challenge(&answer), "error"), "insufficient_scope");
        assert_eq!(parameter(challenge(&answer), "scope"), "mcp:tools");
        assert_eq!(upstream.requests(), 1);

        // Some clients look only at the root.
        let at_root = internet.get("https://mcp.example.com/.well-known/oauth-protected-resource");
        assert_eq!(at_root["resource"], url);
    }
}
