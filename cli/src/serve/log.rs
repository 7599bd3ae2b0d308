//! The log on stderr: one line for each request, without any text that a client made up, and one for each rotation.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::Extension;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use super::answers::Refusal;
use super::keys::Rotated;
use super::service::Authenticated;

/// How long a request can take, its body and the check of its password included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Answers a request in time, and writes its log line. If the client leaves first, the future is dropped, and the line
/// says so.
pub(super) async fn answer(
    Extension(client): Extension<SocketAddr>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let mut entry = Entry::new(client, &request, path.as_ref().map(MatchedPath::as_str));
    let response = timeout(REQUEST_TIMEOUT, next.run(request)).await;
    let response = response.unwrap_or_else(|_| Refusal::TooSlow.into_response());
    entry.status = Some(response.status());
    entry.user = response.extensions().get().cloned();
    response
}

/// Writes the line of a rotation.
pub(super) fn rotated(rotated: &Rotated) {
    write(&rotation_line(SystemTime::now(), rotated));
}

fn rotation_line(time: SystemTime, Rotated { signing, next, published }: &Rotated) -> String {
    let time = humantime::format_rfc3339_seconds(time);
    format!("{time} rotated kid={signing} next={next} published={published}")
}

fn write(line: &str) {
    // The service works on if the log can't be written.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The line of one request; it is written when this is dropped.
struct Entry {
    client: SocketAddr,
    /// `None` for an uncommon method.
    method: Option<Method>,
    /// `None` for a path that the service does not have: people paste tokens into paths.
    path: Option<String>,
    /// `None` until there is an answer.
    status: Option<StatusCode>,
    /// The user who got a token. Other names are not logged: people type passwords into the field.
    user: Option<Authenticated>,
}

impl Entry {
    fn new<B>(client: SocketAddr, request: &Request<B>, path: Option<&str>) -> Self {
        let common = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
        Self {
            client,
            method: common.into_iter().find(|method| method == request.method()),
            path: path.map(str::to_owned),
            status: None,
            user: None,
        }
    }

    fn line(&self, time: SystemTime) -> String {
        let mut line = format!(
            "{} client={} method={} path={} status={}",
            humantime::format_rfc3339_seconds(time),
            self.client,
            self.method.as_ref().map_or("(other)", Method::as_str),
            self.path.as_deref().unwrap_or("(other)"),
            self.status.as_ref().map_or("gone", StatusCode::as_str),
        );
        if let Some(Authenticated(name)) = &self.user {
            // Quoted and escaped, so that no name can look like another field.
            line += &format!(" user={name:?}");
        }
        line
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        write(&self.line(SystemTime::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_line_has_nothing_that_could_hide_a_secret_of_a_client() {
        let user = Authenticated("a \"b\" status=500".to_owned());
        let (ok, gone) = (Some(StatusCode::OK), None);
        for (method, path, status, user, expected) in [
            ("POST", Some("/token"), ok, Some(user), r#"method=POST path=/token status=200 user="a \"b\" status=500""#),
            ("GET", None, ok, None, "method=GET path=(other) status=200"),
            ("SECRET", Some("/healthz"), ok, None, "method=(other) path=/healthz status=200"),
            ("POST", Some("/token"), gone, None, "method=POST path=/token status=gone"),
        ] {
            let request = Request::builder().method(method).uri("/eyJhbGciOi?token=x").body(()).expect("a request");
            let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
            let mut entry = Entry::new(client, &request, path);
            (entry.status, entry.user) = (status, user);
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            assert_eq!(entry.line(time), format!("2027-01-15T08:00:00Z client=127.0.0.1:4000 {expected}"));
        }
    }
}
