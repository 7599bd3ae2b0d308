//! The `curl` commands for the features of the filter, each with a comment that says what to expect.

use std::path::Path;

use kit::issuer::{Algorithm, SigningKey, base64url};
use serde_json::{Value, json};

use crate::issuer::{self, KID, PASSWORD, ROTATION_SECONDS, USER};
use crate::settings::Ports;

const DAY: u64 = 24 * 60 * 60;

/// The path of the API on the listener that is an OAuth 2.0 resource server, and that of its metadata.
const RESOURCE_PATH: &str = "/orders";
const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// Extracts the token from the response of the token service.
pub(crate) const TOKEN_OF: &str = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;

/// The values in the commands.
pub(crate) struct Requests<'a> {
    /// The private key whose public key is in the configuration of the filter.
    pub(crate) key: &'a SigningKey,
    /// Seconds since the epoch.
    pub(crate) now: u64,
    /// The port of the main listener.
    pub(crate) port: u16,
    /// The port of the token service.
    pub(crate) token_port: u16,
    /// The command `jwt-auth`.
    pub(crate) command: &'a Path,
    /// The folder for files.
    pub(crate) run: &'a Path,
    /// The command that restarts the token service.
    pub(crate) restart: &'a str,
}

impl Requests<'_> {
    /// The commands for all listeners.
    pub(crate) fn everything(&self, ports: &Ports) -> String {
        let once = self.token(&json!({"jti": format!("demo-{}", std::process::id())}));
        let [replay, broken, admin] = [ports.replay, ports.broken, ports.admin];
        let mut text = self.of_main_listener_and_tokens();
        for line in [
            line(
                "200: a listener with preventJtiReplay: true accepts this jti once",
                replay,
                "/",
                &token_header(&once),
            ),
            line("403 S403JU: the same token again", replay, "/", &token_header(&once)),
            line(
                "403 S403JI: a token without a jti on that listener",
                replay,
                "/",
                &token_header(&self.token(&json!({}))),
            ),
            line("400 I400JP: a listener with a misspelt field in its configuration", broken, "/", ""),
            self.of_resource_server(ports),
            self.of_changing_keys(),
            line("200: how often the filter has fetched keys, and how many it has", admin, "/stats?filter=jwks", ""),
            line("200: the counters of the filter", admin, "/stats?filter=jwt_auth", ""),
        ] {
            text += &line;
        }
        text
    }

    /// The commands for the token service and for the main listener.
    fn of_main_listener_and_tokens(&self) -> String {
        let tokens = token_request(self.token_port);
        let wrong = tokens.replace(PASSWORD, "guessed");
        let main = self.port;
        [
            format!("# expect 200: the token service gives {USER} a token for her password\ncurl -sS -i {tokens}\n\n"),
            format!("# expect 400: a wrong password\ncurl -sS -i {wrong}\n\n"),
            format!(
                "# expect 200: a token of the service; the backend gets x-aud and userId\n\
                 curl -sS -i 'http://127.0.0.1:{main}/hello' -H \"X-Token: $(curl -sS {tokens} | {TOKEN_OF})\"\n\n"
            ),
            self.of_main_listener(),
        ]
        .concat()
    }

    /// The commands for the listener that is an OAuth 2.0 resource server: a client without a token finds the token
    /// service, and gets a token that only it can use.
    fn of_resource_server(&self, ports: &Ports) -> String {
        let [run, command] = [self.run, self.command].map(Path::display);
        let resource = resource(ports);
        let key = format!("--key {run}/client.jwk.json");
        let of_token = format!("{command} dpop {key} --method POST --url {}/token", issuer::url(self.token_port));
        let token = |scheme: &str| format!(" -H \"Authorization: {scheme} $(cat {run}/bound.txt)\"");
        let with_proof = format!("{} -H \"DPoP: $(cat {run}/proof.txt)\"", token("DPoP"));
        let line = |expected: &str, path: &str, headers: &str| line(expected, ports.resource, path, headers);
        [
            "# A listener with resourceServer and dpop: tokens that only the holder of a key can use.\n\n".to_owned(),
            line("401 I400JR: no token; WWW-Authenticate says where the metadata is", RESOURCE_PATH, ""),
            line("200: the metadata, which names the token service", &format!("{METADATA_PATH}{RESOURCE_PATH}"), ""),
            format!(
                "# make the key of a client\n\
                 {command} keygen --force --alg ES256 --private {run}/client.jwk.json --public {run}/client.json\n\n"
            ),
            format!(
                "# get a token that is bound to this key\n\
                 curl -sS {} -H \"DPoP: $({of_token})\" | {TOKEN_OF} > {run}/bound.txt\n\n",
                token_request(self.token_port)
            ),
            format!(
                "# make a proof for one request, valid for a minute\n\
                 {command} dpop {key} --url {resource} --access-token - < {run}/bound.txt > {run}/proof.txt\n\n"
            ),
            line("200: the token with its proof", RESOURCE_PATH, &with_proof),
            line("401 A403DP: the same proof again", RESOURCE_PATH, &with_proof),
            line("401 A403JT: the token without a proof, as a thief could send it", RESOURCE_PATH, &token("Bearer")),
        ]
        .concat()
    }

    /// The commands that show what the filter does when the keys of the token service change.
    fn of_changing_keys(&self) -> String {
        let Self { port, token_port, restart, .. } = self;
        let [run, command] = [self.run, self.command].map(Path::display);
        let seconds = ROTATION_SECONDS + 1;
        let get = |file: &str| format!("curl -sS {} | {TOKEN_OF} > {run}/{file}", token_request(self.token_port));
        let send = |expected: &str, file: &str| {
            line(expected, *port, "/hello", &format!(" -H \"X-Token: $(cat {run}/{file})\""))
        };
        let set = "/.well-known/jwks.json";
        let unknown = token_header(&self.key.token(Some("unknown"), &self.claims()));
        [
            format!(
                "# The token service makes a new key every {ROTATION_SECONDS} seconds. The filter fetches them.\n\n"
            ),
            line("200: the public keys of the token service", *token_port, set, ""),
            format!("# get a token\n{}\n\n", get("old.txt")),
            format!("# wait until another key signs, and get its token\nsleep {seconds}; {}\n\n", get("new.txt")),
            format!(
                "# see which key of the set signed it\n\
                 curl -sS 'http://127.0.0.1:{token_port}{set}' | \
                 {command} inspect --jwks - \"$(cat {run}/new.txt)\" | head -n 1\n\n"
            ),
            send("200: the token of the new key", "new.txt"),
            send("200: the token of the old key, which stays in the set until its tokens have expired", "old.txt"),
            format!(
                "# restart the token service: it forgets the keys that it made, so it no longer publishes them\n\
                 {restart}; sleep 3\n\n"
            ),
            line("403 A403JK: no key has this kid, so the filter fetches the keys first", *port, "/", &unknown),
            send("403 A403JK: a second later no worker accepts a token of a key that is not in the set", "new.txt")
                .replace("\ncurl ", "\nsleep 1; curl "),
        ]
        .concat()
    }

    /// The commands for the main listener, with all kinds of tokens.
    fn of_main_listener(&self) -> String {
        let now = self.now;
        let good = self.token(&json!({}));
        let forged = format!("{} -H 'X-Aud: forged'", token_header(&good));
        let other_key = SigningKey::generate(Algorithm::RS256);
        [
            ("200: a valid token; the backend gets x-aud and userId", "/hello", token_header(&good)),
            (
                "200: the same with forged values of both, which the backend does not get",
                "/hello?userId=forged&page=2",
                forged,
            ),
            ("400 I400JR: no token", "/", String::new()),
            ("400 I400JD: something that is not a token", "/", token_header("garbage")),
            (
                "403 A403JK: the kid is not configured",
                "/",
                token_header(&self.key.token(Some("other"), &self.claims())),
            ),
            ("403 A403JT: a valid token in which the userId was changed", "/", token_header(&self.tampered(&good))),
            ("403 A403JT: signed with another key", "/", token_header(&other_key.token(Some(KID), &self.claims()))),
            ("403 A403JT: not signed, alg none", "/", token_header(&self.unsigned())),
            (
                "403 A403JE: expired a minute ago",
                "/",
                token_header(&self.token(&json!({"iat": now - DAY, "exp": now - 60}))),
            ),
            (
                "403 A403JT: issued for 7 days; the limit is less than 7",
                "/",
                token_header(&self.token(&json!({"exp": now + 7 * DAY}))),
            ),
        ]
        .map(|(expected, target, headers)| line(expected, self.port, target, &headers))
        .concat()
    }

    /// A valid token with these claims.
    fn token(&self, changes: &Value) -> String {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        self.key.token(Some(KID), &claims)
    }

    fn unsigned(&self) -> String {
        let header = json!({"alg": "none", "typ": "JWT", "kid": KID});
        format!("{}.{}.", base64url(header.to_string().as_bytes()), base64url(self.claims().to_string().as_bytes()))
    }

    /// The header and the signature of `token`, with other claims.
    fn tampered(&self, token: &str) -> String {
        let mut claims = self.claims();
        claims["userId"] = "1".into();
        let header = token.split('.').next().unwrap_or_default();
        let signature = token.rsplit('.').next().unwrap_or_default();
        format!("{header}.{}.{signature}", base64url(claims.to_string().as_bytes()))
    }

    /// Claims that are valid for a day.
    fn claims(&self) -> Value {
        json!({"sub": USER, "aud": "orders", "userId": "1213234", "iat": self.now, "exp": self.now + DAY})
    }
}

/// The URL of the API on the listener that is an OAuth 2.0 resource server.
pub(crate) fn resource(ports: &Ports) -> String {
    format!("http://127.0.0.1:{}{RESOURCE_PATH}", ports.resource)
}

/// The request for a token to the token service on this port, without `curl`.
pub(crate) fn token_request(port: u16) -> String {
    format!("-d username={USER} -d password={PASSWORD} 'http://127.0.0.1:{port}/token'")
}

/// A request with a comment that says what to expect.
pub(crate) fn line(expected: &str, port: u16, target: &str, headers: &str) -> String {
    format!("# expect {expected}\ncurl -sS -i 'http://127.0.0.1:{port}{target}'{headers}\n\n")
}

fn token_header(token: &str) -> String {
    format!(" -H 'X-Token: {token}'")
}
