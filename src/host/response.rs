//! Sends responses.

use log::Level;

use super::calls;
use super::notice::log_once;
use crate::response::Response;

/// Sends a response to the client. If this fails, the request stays paused.
pub(super) fn send(response: &Response) {
    if calls::send_local_response(response).is_err() {
        log_once(Level::Error, "Envoy could not send a response; the request stays paused");
    }
}
