//! The edits of a forwarded request. They are data, which the host applies after the decision.

use std::rc::Rc;

use super::form::FormEdit;

/// The edits that turn the client's request into the one for the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Why the request is forwarded.
    pub admission: Admission,
    /// Header edits, to apply in this order.
    pub headers: Vec<HeaderEdit>,
    /// The new `:path`. `None` if path and query stay the same.
    pub path: Option<Vec<u8>>,
    /// How to edit the complete body. This changes its length, so `content-length` must be removed.
    pub form: Option<FormEdit>,
}

/// Why a request is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Its token is valid.
    #[default]
    Authenticated,
    /// It has no token, and the configuration forwards such requests.
    WithoutToken,
}

/// One change to the request's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Remove all headers of this name.
    Remove(Rc<str>),
    /// Replace all headers of this name with one of this value.
    Set(Rc<str>, Rc<[u8]>),
    /// Add a header that the request does not have. For a host this is cheaper than [`Self::Set`].
    Add(Rc<str>, Rc<[u8]>),
}

impl Edits {
    /// Applies the header edits and the new path to a list of headers as a host does: names are compared without regard
    /// to case and written in lower case, and `:path` is a header. [`Self::form`] is not applied.
    pub fn apply(&self, headers: &mut Vec<(String, Vec<u8>)>) {
        for edit in &self.headers {
            match edit {
                HeaderEdit::Remove(name) => remove(headers, name),
                HeaderEdit::Set(name, value) => set(headers, name, value),
                HeaderEdit::Add(name, value) => add(headers, name, value),
            }
        }
        if let Some(path) = &self.path {
            set(headers, ":path", path);
        }
    }
}

fn remove(headers: &mut Vec<(String, Vec<u8>)>, name: &str) {
    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
}

fn set(headers: &mut Vec<(String, Vec<u8>)>, name: &str, value: &[u8]) {
    remove(headers, name);
    add(headers, name, value);
}

fn add(headers: &mut Vec<(String, Vec<u8>)>, name: &str, value: &[u8]) {
    headers.push((name.to_ascii_lowercase(), value.to_vec()));
}

#[cfg(test)]
mod tests {
    use super::{Edits, HeaderEdit};

    #[test]
    fn a_header_is_removed_or_replaced_in_any_case() {
        let mut headers = vec![
            (":path".to_owned(), b"/a".to_vec()),
            ("X-User".to_owned(), b"1".to_vec()),
            ("x-user".to_owned(), b"2".to_vec()),
            ("x-role".to_owned(), b"3".to_vec()),
            ("x-role".to_owned(), b"4".to_vec()),
            ("x-rest".to_owned(), b"5".to_vec()),
        ];
        Edits {
            headers: vec![HeaderEdit::Remove("x-role".into()), HeaderEdit::Set("X-User".into(), (*b"6").into())],
            path: Some(b"/b".to_vec()),
            ..Edits::default()
        }
        .apply(&mut headers);
        assert_eq!(
            headers,
            [
                ("x-rest".to_owned(), b"5".to_vec()),
                ("x-user".to_owned(), b"6".to_vec()),
                (":path".to_owned(), b"/b".to_vec()),
            ]
        );
    }
}
