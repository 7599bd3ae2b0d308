//! What the filter wants done to a request that passes: data, applied by the host at the very end.

use std::rc::Rc;

use super::form::FormEdit;

/// The edits that turn the client's request into the one the backend gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// On what ground the request is forwarded.
    pub admission: Admission,
    /// Header edits, to be applied in this order.
    pub headers: Vec<HeaderEdit>,
    /// The new `:path`, when path or query change.
    pub path: Option<Vec<u8>>,
    /// What to do with the body once all of it is there. Its length changes, so no `content-length` may go out.
    pub form: Option<FormEdit>,
}

/// On what ground a request is forwarded.
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
    /// Take away every value of the header of this name.
    Remove(Rc<str>),
    /// Put this value in the place of every value of the header of this name.
    Set(Rc<str>, Rc<[u8]>),
    /// Put this value where the request has no header of this name, which is cheaper for a host.
    Add(Rc<str>, Rc<[u8]>),
}

impl Edits {
    /// Applies the edits to a list of headers in the way a host does: names compare in lower case, a set value stands
    /// once, and `:path` is a header.
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
    fn a_removal_and_a_setting_take_every_value_of_the_name_in_any_case() {
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
