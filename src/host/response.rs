//! Sends the response of a rejection.

use log::Level;

use super::calls::{self, LocalResponse};
use super::notice::log_once;
use crate::header_map::Header;
use crate::rejection::Rejection;

/// Sends the response to the client. `headers` are those of the request, or empty when they are gone. If this fails, the
/// request stays paused.
pub(super) fn send_rejection(rejection: &Rejection, headers: &[Header]) {
    if *rejection == Rejection::ReplayStoreFull {
        log_once(Level::Warn, "the replay store is full: tokens are rejected with S503JF until used ones expire");
    }
    let message = rejection.message();
    let details = rejection.details();
    let mut fields: Vec<Header> =
        vec![("x-ca-error-code", rejection.code().as_bytes()), ("x-ca-error-message", message.as_bytes())];
    let sent = if is_grpc(headers) {
        calls::send_local_response(&LocalResponse {
            status: 200,
            details: &details,
            headers: &fields,
            body: &message,
            grpc_status: Some(rejection.grpc_status()),
        })
    } else {
        fields.push(("content-type", b"application/json"));
        calls::send_local_response(&LocalResponse {
            status: rejection.status(),
            details: &details,
            headers: &fields,
            body: &rejection.body(),
            grpc_status: None,
        })
    };
    if sent.is_err() {
        log_once(Level::Error, "Envoy could not send the response of a rejection; the request stays paused");
    }
}

/// Whether Envoy would convert a local response to a gRPC response. This must be the same rule as Envoy's own.
fn is_grpc(headers: &[Header]) -> bool {
    let value_of = |wanted| headers.iter().find_map(|&(name, value)| (name == wanted).then_some(value));
    value_of(":path").is_some()
        && value_of("content-type")
            .and_then(|value| value.strip_prefix(b"application/grpc"))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}
