//! The request log: one line on stderr for each request, in which nothing stands that a client made up.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use axum::http::{Method, StatusCode};

use super::service::{Authenticated, PATHS};

/// One answered request.
pub(super) struct Entry<'a> {
    /// When it was answered.
    pub(super) time: SystemTime,
    pub(super) client: SocketAddr,
    pub(super) method: &'a Method,
    /// Logged only if the service knows it: people paste tokens into paths.
    pub(super) path: &'a str,
    pub(super) status: StatusCode,
    /// Who got a token. A name that did not is not logged: people type passwords there.
    pub(super) user: Option<&'a Authenticated>,
}

/// Writes the line. A log that can't be written must not keep the service from its work.
pub(super) fn write(entry: &Entry) {
    let _ = writeln!(std::io::stderr().lock(), "{}", line(entry));
}

fn line(entry: &Entry) -> String {
    let path = if PATHS.contains(&entry.path) { entry.path } else { "(other)" };
    let standard = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
    let method = if standard.contains(entry.method) { entry.method.as_str() } else { "(other)" };
    let mut line = format!(
        "{} client={} method={method} path={path} status={}",
        humantime::format_rfc3339_seconds(entry.time),
        entry.client,
        entry.status.as_u16(),
    );
    if let Some(Authenticated(name)) = entry.user {
        // Quoted and escaped, so that no name can make up a field.
        line += &format!(" user={name:?}");
    }
    line
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_holds_nothing_that_a_client_could_hide_a_secret_in() {
        let secret = Method::from_bytes(b"SECRET").expect("a method");
        let user = Authenticated("a \"b\" status=500".to_owned());
        for (method, path, user, expected) in [
            (&Method::POST, "/token", Some(&user), r#"method=POST path=/token status=200 user="a \"b\" status=500""#),
            (&Method::GET, "/eyJhbGciOi", None, "method=GET path=(other) status=200"),
            (&secret, "/healthz", None, "method=(other) path=/healthz status=200"),
        ] {
            let entry = Entry {
                time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
                client: SocketAddr::from((Ipv4Addr::LOCALHOST, 4000)),
                method,
                path,
                status: StatusCode::OK,
                user,
            };
            assert_eq!(line(&entry), format!("2027-01-15T08:00:00Z client=127.0.0.1:4000 {expected}"));
        }
    }
}
