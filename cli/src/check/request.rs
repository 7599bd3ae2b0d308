//! A request from the options, and the filter's decision on it.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;
use jwt_auth::{
    Decision, Edits, Header, MAX_TOKEN_BYTES, NumericDate, Plugin, Rejection, Request, Response, TokenLocation,
};

use super::jti_store;
use super::remote::RemoteSet;
use crate::failure::Failure;
use crate::moment::{self, duration};
use crate::{files, offline};

/// The request to decide on. Values can be any bytes.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(super) struct RequestArguments {
    /// The token; - reads it from stdin. It is put where the configuration expects it.
    #[arg(long, value_name = "TOKEN|-", allow_hyphen_values = true)]
    token: Option<String>,

    /// A DPoP proof for the request; - reads it from stdin. Then --token has the scheme DPoP instead of Bearer.
    #[arg(long, value_name = "PROOF|-", allow_hyphen_values = true)]
    dpop: Option<String>,

    /// The method [default: GET, or POST with --data].
    #[arg(long)]
    method: Option<String>,

    /// The path with the query, as in the request line [default: /].
    #[arg(long)]
    path: Option<OsString>,

    /// A header; can be repeated.
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<OsString>,

    /// The body; set its type with --header 'content-type: ...'.
    #[arg(long, value_name = "BODY", allow_hyphen_values = true)]
    data: Option<OsString>,

    /// The time of the request, in RFC 3339 format or in seconds since 1970 [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    time: Option<NumericDate>,
}

impl RequestArguments {
    /// Whether there is any part of a request.
    pub(super) fn is_given(&self) -> bool {
        let Self { token, dpop, method, path, header, data, time } = self;
        let has_credentials = token.is_some() || dpop.is_some();
        has_credentials || method.is_some() || path.is_some() || !header.is_empty() || data.is_some() || time.is_some()
    }

    /// The time of the request, if it is given.
    pub(super) fn time(&self) -> Option<NumericDate> {
        self.time
    }

    /// The token of the options; `-` is stdin.
    pub(super) fn token(&self) -> Option<&Path> {
        self.token.as_deref().map(Path::new)
    }

    /// The proof of the options; `-` is stdin.
    pub(super) fn proof(&self) -> Option<&Path> {
        self.dpop.as_deref().map(Path::new)
    }

    /// The token as it is in the request: after a scheme, if there is a proof or the filter requires one.
    fn with_scheme(&self, token: &[u8], plugin: &Plugin) -> Vec<u8> {
        match (&self.dpop, plugin.requires_scheme()) {
            (Some(_), _) => [b"DPoP ", token].concat(),
            (None, true) => [b"Bearer ", token].concat(),
            (None, false) => token.to_vec(),
        }
    }
}

/// Headers as the filter sees them: names in lower case, pseudo headers first.
pub(super) type Headers = Vec<(String, Vec<u8>)>;

/// The decision of the filter, and the request.
pub(super) struct Outcome {
    /// The plugin's name.
    pub(super) plugin: String,
    pub(super) headers: Headers,
    pub(super) verdict: Verdict,
    /// The body for the backend, if it is changed.
    pub(super) body: Option<Vec<u8>>,
    /// Notes on the decision.
    pub(super) notes: Vec<String>,
}

/// The decision, as far as it is known.
pub(super) enum Verdict {
    Accepted(Edits),
    /// With the response to the client.
    Rejected(Rejection, Box<Response>),
    /// The filter answers itself, with the metadata of the resource.
    Answered(Box<Response>),
    /// It depends on keys of `remoteJwks` that are not known here.
    Undecided {
        /// What the filter does.
        why: String,
        /// How to get the decision.
        remedy: String,
    },
}

/// Lets `plugin` decide on the request. `remote` is its `remoteJwks`, with the keys that are known.
///
/// # Errors
/// If an option is not valid, or if stdin can't be read.
pub(super) fn decide(
    arguments: &RequestArguments,
    now: NumericDate,
    name: &str,
    plugin: &Plugin,
    remote: &[RemoteSet],
) -> Result<Outcome, Failure> {
    let mut headers = headers(arguments)?;
    let mut notes = Vec::new();
    let token = arguments.token.as_deref().map(files::token).transpose()?;
    if let Some(token) = &token {
        if plugin.finds_token(Request::new(&offline::borrowed(&headers))) {
            notes.push("the request already has a token, so --token was not used".to_owned());
        } else if let Some((parameter, [location, ..])) = plugin.token_source() {
            put(&mut headers, *location, parameter, &arguments.with_scheme(token, plugin));
        }
    }
    if let Some(proof) = &arguments.dpop {
        headers.push(("dpop".to_owned(), files::token(proof)?));
    }
    let borrowed = offline::borrowed(&headers);
    // Envoy treats an empty body like no body.
    let has_body = arguments.data.as_ref().is_some_and(|data| !data.is_empty());
    let request = if has_body { Request::new(&borrowed).with_body() } else { Request::new(&borrowed) };
    let rejected = |rejection: Rejection| {
        let response = Box::new(plugin.response(request, &rejection));
        Verdict::Rejected(rejection, response)
    };
    let verdict = match offline::decide(plugin, request, now) {
        Decision::Forward(edits) => Verdict::Accepted(edits),
        Decision::Reject(rejection) => rejected(rejection),
        Decision::Respond(response) => Verdict::Answered(Box::new(response)),
        Decision::Wait(wait) if wait.is_for_unknown_kid => {
            notes.push(
                "no key has this kid, so the filter first fetches the keys again, and the request waits for them; this \
                 is the answer if they are the same"
                    .to_owned(),
            );
            rejected(wait.otherwise)
        }
        Decision::Wait(wait) => undecided(remote).unwrap_or_else(|| rejected(wait.otherwise)),
        Decision::Ask(ask) => Verdict::Accepted(ask.edits),
    };
    if let (Verdict::Rejected(Rejection::Malformed { .. }, _), Some(length)) = (&verdict, plugin.token_length(request))
        && length > MAX_TOKEN_BYTES
    {
        notes.push(format!("the token has {length} bytes; the limit is {MAX_TOKEN_BYTES}"));
    }
    let edits = if let Verdict::Accepted(edits) = &verdict { Some(edits) } else { None };
    if edits.is_some() && !plugin.finds_token(request) {
        let why = if is_preflight(&borrowed) { "allowCorsPreflight or bypassEmptyToken" } else { "bypassEmptyToken" };
        notes.push(format!("there is no token: the request is forwarded unauthenticated ({why})"));
    } else if edits.is_some() {
        let who = plugin.jti_store().map_or("Envoy", |store| jti_store::name(store.engine));
        if plugin.needs_proof(request) {
            notes.push(format!("dpop: only {who} knows whether the proof was used before"));
        }
        if plugin.prevents_replay() {
            notes.push(format!("preventJtiReplay: only {who} knows whether the jti was used before"));
        }
    }
    let sent = arguments.data.as_ref().map(|data| data.as_encoded_bytes());
    let form = edits.and_then(|edits| edits.form.as_ref());
    let body = form.map(|form| form.rewrite(sent.unwrap_or_default()));
    Ok(Outcome { plugin: name.to_owned(), headers, verdict, body, notes })
}

/// Whether a browser asks with the request what it may send.
fn is_preflight(headers: &[Header]) -> bool {
    headers.contains(&(":method", b"OPTIONS"))
        && headers.iter().any(|(name, _)| *name == "access-control-request-method")
}

/// The verdict if a key may verify the token that is not known here; `None` if `--jwks` gives all keys.
fn undecided(remote: &[RemoteSet]) -> Option<Verdict> {
    let missing: Vec<_> = remote.iter().filter(|set| set.keys.is_none()).collect();
    let [first, ..] = missing.as_slice() else { return None };
    let urls: Vec<_> = missing.iter().map(|set| set.url()).collect();
    let timeout = missing.iter().map(|set| set.timeout_seconds()).max().unwrap_or_default();
    let why = format!(
        "A key of {} may verify the token. As long as the filter does not have these keys, the request waits for them, \
         at most {}.",
        urls.join(" or "),
        duration(timeout as f64)
    );
    let remedy = format!("Download the JWK set ({}) and give it to this command with --jwks FILE.", first.place());
    Some(Verdict::Undecided { why, remedy })
}

fn headers(arguments: &RequestArguments) -> Result<Headers, Failure> {
    let method = match (&arguments.method, &arguments.data) {
        (Some(method), _) => method,
        (None, Some(_)) => "POST",
        (None, None) => "GET",
    };
    let path = arguments.path.as_ref().map_or(&b"/"[..], |path| path.as_encoded_bytes());
    let mut authority = b"localhost".to_vec();
    let mut others = Vec::new();
    for header in &arguments.header {
        let (name, value) = header_line(header.as_encoded_bytes()).ok_or_else(|| {
            Failure::new(format!("--header {header:?} is not a header")).with_remedy("use the form 'Name: value'")
        })?;
        if name == "host" {
            authority = value;
        } else {
            others.push((name, value));
        }
    }
    let pseudo = [(":method", method.as_bytes().to_vec()), (":path", path.to_vec()), (":authority", authority)];
    Ok(pseudo.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(others).collect())
}

fn header_line(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = line.split_at(colon);
    let name = std::str::from_utf8(name).ok()?.trim().to_ascii_lowercase();
    let value = value.get(1..)?.trim_ascii();
    let is_fit = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    let is_whole = !value.iter().any(|byte| b"\r\n\0".contains(byte));
    (is_fit && is_whole).then(|| (name, value.to_vec()))
}

/// Puts a token where the filter expects it.
fn put(headers: &mut Headers, location: TokenLocation, parameter: &str, token: &[u8]) {
    match location {
        TokenLocation::Header => headers.push((parameter.to_ascii_lowercase(), token.to_vec())),
        TokenLocation::Cookie => {
            headers.push(("cookie".to_owned(), [parameter.as_bytes(), b"=", token].concat()));
        }
        TokenLocation::Query => {
            let encoded = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
            if let Some((_, path)) = headers.iter_mut().find(|(name, _)| name == ":path") {
                let separator = if path.contains(&b'?') { "&" } else { "?" };
                path.extend(format!("{separator}{}={}", encoded(parameter.as_bytes()), encoded(token)).into_bytes());
            }
        }
    }
}
