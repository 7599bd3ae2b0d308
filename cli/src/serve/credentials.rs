//! The user name and the password in a request for a token.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::answers::Refusal;
use super::users::MAX_NAME_BYTES;
use crate::passwords::MAX_PASSWORD_BYTES;

/// A user name and a password. There is no `Debug`, so they are never printed.
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) password: Zeroizing<String>,
    pub(super) scheme: Scheme,
}

/// How the client sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// The resource owner password credentials of OAuth 2.0 [RFC 6749 §4.3.2].
    Form,
    /// HTTP Basic [RFC 7617].
    Basic,
}

/// The credentials in the form or in `Authorization`.
///
/// # Errors
/// If both or neither have credentials, or if they are malformed or too long.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Credentials, Refusal> {
    let basic = read_basic(headers)?;
    let form = read_form(headers, body)?;
    let credentials = match (basic, form) {
        (Some(_), Some(_)) => return Err(Refusal::InvalidRequest("both the form and Authorization have credentials")),
        (Some(credentials), None) | (None, Some(credentials)) => credentials,
        (None, None) => return Err(Refusal::InvalidRequest("expected username and password in a form, or HTTP Basic")),
    };
    if credentials.name.len() > MAX_NAME_BYTES || credentials.password.len() > MAX_PASSWORD_BYTES {
        return Err(Refusal::InvalidRequest("the user name or the password is too long"));
    }
    Ok(credentials)
}

fn read_basic(headers: &HeaderMap) -> Result<Option<Credentials>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::InvalidRequest("expected one Authorization header"));
    }
    let is_basic = |scheme: &[u8]| scheme.eq_ignore_ascii_case(b"basic");
    let mut parts = value.as_bytes().splitn(2, |&byte| byte == b' ');
    let encoded = parts.next().filter(|scheme| is_basic(scheme)).and_then(|_| parts.next());
    let encoded = encoded.ok_or(Refusal::InvalidClient)?;
    let decoded = STANDARD.decode(encoded.trim_ascii()).map(Zeroizing::new).ok();
    let text = decoded.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let Some((name, password)) = text.and_then(|text| text.split_once(':')) else {
        return Err(Refusal::InvalidRequest("expected Authorization: Basic with the base64 of name:password"));
    };
    Ok(Some(Credentials {
        name: name.to_owned(),
        password: Zeroizing::new(password.to_owned()),
        scheme: Scheme::Basic,
    }))
}

fn read_form(headers: &HeaderMap, body: &[u8]) -> Result<Option<Credentials>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::InvalidRequest("expected a body of type application/x-www-form-urlencoded"));
    }
    let [mut grant_type, mut username, mut password] = [const { None }; 3];
    for (name, value) in form_urlencoded::parse(body) {
        let parameter = match name.as_ref() {
            "grant_type" => &mut grant_type,
            "username" => &mut username,
            "password" => &mut password,
            // Other parameters are ignored [RFC 6749 §3.2].
            _ => continue,
        };
        if parameter.replace(Zeroizing::new(value.into_owned())).is_some() {
            return Err(Refusal::InvalidRequest("duplicate parameter"));
        }
    }
    // A parameter without a value is treated as omitted [RFC 6749 §3.2].
    let [grant_type, username, password] =
        [grant_type, username, password].map(|value| value.filter(|value| !value.is_empty()));
    if grant_type.is_some_and(|grant_type| *grant_type != "password") {
        return Err(Refusal::UnsupportedGrantType);
    }
    match (username, password) {
        (Some(name), Some(password)) => {
            Ok(Some(Credentials { name: name.to_string(), password, scheme: Scheme::Form }))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(Refusal::InvalidRequest("expected both username and password")),
    }
}
