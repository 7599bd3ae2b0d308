//! The request log: one line on stderr for each request, in which nothing stands that a client made up.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use axum::http::{Method, Request, StatusCode};
use axum::response::Response;

use super::service::{Authenticated, PATHS};

/// The line of one request, which is written when this is dropped: with the answer, or as of a client that has gone.
pub(super) struct Entry {
    client: SocketAddr,
    /// `None` for one that is not common.
    method: Option<Method>,
    /// `None` for one that the service does not know: people paste tokens into paths.
    path: Option<&'static str>,
    /// `None` while there is no answer.
    status: Option<StatusCode>,
    /// Who got a token. A name that did not is not logged: people type passwords there.
    user: Option<Authenticated>,
}

impl Entry {
    /// For a request that is yet to be answered.
    pub(super) fn begin<B>(client: SocketAddr, request: &Request<B>) -> Self {
        let common = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
        Self {
            client,
            method: common.into_iter().find(|method| method == request.method()),
            path: PATHS.into_iter().find(|path| *path == request.uri().path()),
            status: None,
            user: None,
        }
    }

    /// Writes the line of an answered request.
    pub(super) fn answered(mut self, response: &Response) {
        self.status = Some(response.status());
        self.user = response.extensions().get().cloned();
    }

    /// The line at this time.
    fn line(&self, time: SystemTime) -> String {
        let mut line = format!(
            "{} client={} method={} path={} status={}",
            humantime::format_rfc3339_seconds(time),
            self.client,
            self.method.as_ref().map_or("(other)", Method::as_str),
            self.path.unwrap_or("(other)"),
            self.status.as_ref().map_or("gone", StatusCode::as_str),
        );
        if let Some(Authenticated(name)) = &self.user {
            // Quoted and escaped, so that no name can make up a field.
            line += &format!(" user={name:?}");
        }
        line
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // A log that can't be written must not keep the service from its work.
        let _ = writeln!(std::io::stderr().lock(), "{}", self.line(SystemTime::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_holds_nothing_that_a_client_could_hide_a_secret_in() {
        let user = Authenticated("a \"b\" status=500".to_owned());
        let (ok, gone) = (Some(StatusCode::OK), None);
        for (method, path, status, user, expected) in [
            ("POST", "/token", ok, Some(user), r#"method=POST path=/token status=200 user="a \"b\" status=500""#),
            ("GET", "/eyJhbGciOi?token=x", ok, None, "method=GET path=(other) status=200"),
            ("SECRET", "/healthz?token=x", ok, None, "method=(other) path=/healthz status=200"),
            ("POST", "/token", gone, None, "method=POST path=/token status=gone"),
        ] {
            let request = Request::builder().method(method).uri(path).body(()).expect("a request");
            let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
            let mut entry = Entry::begin(client, &request);
            (entry.status, entry.user) = (status, user);
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            assert_eq!(entry.line(time), format!("2027-01-15T08:00:00Z client=127.0.0.1:4000 {expected}"));
        }
    }
}
