//! The responses that the filter sends in place of the backend's.

use crate::rejection::{OAuth, Rejection};
use crate::request::Request;

/// A response for the host to send. The request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status. 200 for a gRPC client, whose status is [`Self::grpc_status`].
    pub status: u16,
    /// `%RESPONSE_CODE_DETAILS%` in the access log.
    pub details: String,
    /// Its headers, in order. Names may repeat.
    pub headers: Vec<(&'static str, String)>,
    /// The body. For a gRPC client this becomes `grpc-message`.
    pub body: String,
    /// The [status of gRPC](https://grpc.io/docs/guides/status-codes/); `None` for another client.
    pub grpc_status: Option<u8>,
}

impl Response {
    /// The response of a rejection to the client of `request`. Without headers, because they are gone, the client counts
    /// as no gRPC client.
    ///
    /// `challenges` are the values of `WWW-Authenticate`, and `oauth` is the answer of an OAuth 2.0 resource server, if the
    /// filter is one and it differs from that of the gateway.
    pub(crate) fn to(request: Request, rejection: &Rejection, oauth: Option<OAuth>, challenges: Vec<String>) -> Self {
        let message = rejection.message();
        let mut headers =
            vec![("x-ca-error-code", rejection.code().to_owned()), ("x-ca-error-message", message.clone())];
        headers.extend(challenges.into_iter().map(|challenge| ("www-authenticate", challenge)));
        let details = rejection.details();
        if request.is_grpc() {
            let grpc_status = Some(oauth.map_or_else(|| rejection.grpc_status(), OAuth::grpc_status));
            return Self { status: 200, details, headers, body: message, grpc_status };
        }
        headers.push(("content-type", "application/json".to_owned()));
        let status = oauth.map_or_else(|| rejection.status(), |oauth| oauth.status);
        Self { status, details, headers, body: rejection.body(), grpc_status: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::Header;

    fn response(headers: &[Header]) -> Response {
        Response::to(Request::new(headers), &Rejection::TokenMissing, None, Vec::new())
    }

    #[test]
    fn a_rejection_is_headers_and_json_for_http_and_a_status_for_grpc() {
        let errors = [("x-ca-error-code", "I400JR".to_owned()), ("x-ca-error-message", "JWT required".to_owned())];
        let http = response(&[(":path", b"/"), ("content-type", b"application/grpc-web")]);
        assert_eq!((http.status, http.grpc_status), (400, None));
        assert_eq!(http.headers, [&errors[..], &[("content-type", "application/json".to_owned())]].concat());
        assert_eq!(http.body, "{\"code\":\"I400JR\",\"message\":\"JWT required\"}\n");
        assert_eq!(http.details, "jwt_auth{I400JR}");
        let grpc = response(&[(":path", b"/"), ("content-type", b"application/grpc+proto")]);
        assert_eq!((grpc.status, grpc.grpc_status), (200, Some(16)));
        assert_eq!(grpc.headers, errors);
        assert_eq!(grpc.body, "JWT required");
        assert_eq!(response(&[]), http, "a request whose headers are gone");
    }
}
