//! Reads a document field by field. An error is reported with the name of its field, and reading continues.
//!
//! Each function that takes [`Faults`] returns `None` after it has reported an error.

use std::ops::RangeInclusive;

use serde_yaml::Value;

use super::faults::Faults;

/// The most elements of a list without its own limit. The longest lists in use are audiences, with some tens.
const MAX_ELEMENTS: usize = 1000;

/// A field: its name and its value.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub(crate) fn root(document: &'a Value) -> Self {
        Self { path: String::new(), value: document }
    }

    /// A value that is not part of a configuration, with a name for its errors.
    pub(crate) fn named(path: &str, value: &'a Value) -> Self {
        Self { path: path.to_owned(), value }
    }

    /// The name of the field from the root of the document, for example `jwks.keys[1].use`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A string.
    pub(crate) fn string(&self, faults: &mut Faults) -> Option<&'a str> {
        self.expect(self.value.as_str(), "a string", faults)
    }

    /// A string that is not empty.
    pub(crate) fn name(&self, faults: &mut Faults) -> Option<String> {
        let text = self.string(faults)?;
        self.expect((!text.is_empty()).then(|| text.to_owned()), "a string that is not empty", faults)
    }

    /// A string that is not empty, of at most `limit` bytes.
    pub(crate) fn name_of_at_most(&self, limit: usize, faults: &mut Faults) -> Option<String> {
        let name = self.name(faults)?;
        let expected = format!("at most {limit} bytes, found {}", name.len());
        self.expect((name.len() <= limit).then_some(name), &expected, faults)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, faults: &mut Faults) -> Option<bool> {
        self.expect(self.value.as_bool(), "true or false", faults)
    }

    /// A whole number in `range`. 30.0 is read as 30, because a Struct has only doubles.
    pub(crate) fn integer(&self, range: RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
        let number = self.value.as_u64().or_else(|| self.value.as_f64().and_then(whole));
        let (least, most) = (range.start(), range.end());
        self.expect(
            number.filter(|number| range.contains(number)),
            &format!("a whole number from {least} to {most}"),
            faults,
        )
    }

    /// The elements of a list, at most 1,000.
    pub(crate) fn list(&self, faults: &mut Faults) -> Option<Vec<Self>> {
        self.list_of_at_most(MAX_ELEMENTS, faults)
    }

    /// The elements of a list, at most `limit`.
    pub(crate) fn list_of_at_most(&self, limit: usize, faults: &mut Faults) -> Option<Vec<Self>> {
        let elements = self.expect(self.value.as_sequence(), &format!("a list{}", self.hint()), faults)?;
        let expected = format!("at most {limit} elements, found {}", elements.len());
        self.expect((elements.len() <= limit).then_some(()), &expected, faults)?;
        let at = |index| format!("{}[{index}]", self.path);
        Some(elements.iter().enumerate().map(|(index, value)| Self { path: at(index), value }).collect())
    }

    /// The elements of a list, at most 1,000, or a single value as a list of one.
    pub(crate) fn one_or_many(&self, faults: &mut Faults) -> Option<Vec<Self>> {
        if self.value.is_sequence() { self.list(faults) } else { Some(vec![self.clone()]) }
    }

    /// The members of a map.
    pub(crate) fn section(&self, faults: &mut Faults) -> Option<Section<'a>> {
        self.expect(self.as_section(), &format!("a map of fields{}", self.hint()), faults)
    }

    /// The members of a map. `None` for any other value, without an error.
    pub(crate) fn as_section(&self) -> Option<Section<'a>> {
        let members = self.value.as_mapping()?.iter().map(|(name, value)| Some((name.as_str()?, value)));
        Some(Section { path: self.path.clone(), members: members.collect::<Option<_>>()?, known: Vec::new() })
    }

    /// What to do if the field should contain keys but is a URL or PEM. Otherwise empty.
    fn hint(&self) -> &'static str {
        let text = self.value.as_str().filter(|_| self.path.starts_with("jwk")).unwrap_or_default().trim_start();
        let begins_with = |start: &str| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
        if begins_with("http://") || begins_with("https://") {
            ", found a URL: to fetch keys, use remoteJwks"
        } else if begins_with("-----BEGIN ") {
            ", found PEM: `jwt-auth jwk FILE` makes a JWK of it"
        } else {
            ""
        }
    }

    /// A string. `None` for any other value, without an error.
    pub(crate) fn as_string(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// `true` or `false`. `None` for any other value, without an error.
    pub(crate) fn as_boolean(&self) -> Option<bool> {
        self.value.as_bool()
    }

    /// A whole number, also one that is written as 30.0, because a Struct has only doubles. `None` for any other value,
    /// without an error.
    pub(crate) fn as_whole_number(&self) -> Option<i64> {
        let sign = |number: f64| if number < 0.0 { -1 } else { 1 };
        let of_double =
            |number: f64| whole(number.abs())?.try_into().ok().map(|whole: i64| whole.saturating_mul(sign(number)));
        self.value.as_i64().or_else(|| self.value.as_f64().and_then(of_double))
    }

    fn expect<T>(&self, found: Option<T>, expected: &str, faults: &mut Faults) -> Option<T> {
        if found.is_none() {
            faults.report(&self.path, format!("expected {expected}"));
        }
        found
    }
}

fn whole(number: f64) -> Option<u64> {
    /// A double can represent every whole number up to this one.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number as u64)
}

/// For how many configuration errors a correct name is suggested.
const MAX_SUGGESTIONS: usize = 16;

/// The longest unknown name that is compared with the known ones, which have at most half as many bytes.
const MAX_MISSPELT_BYTES: usize = 64;

/// A map of fields. It records which names were read, to report the others as unknown.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    path: String,
    members: Vec<(&'a str, &'a Value)>,
    known: Vec<String>,
}

impl<'a> Section<'a> {
    /// An optional field.
    pub(crate) fn optional(&mut self, name: &str) -> Option<Field<'a>> {
        self.known.push(name.to_owned());
        let value = self.value(name)?;
        Some(Field { path: self.path_of(name), value })
    }

    /// A required field.
    pub(crate) fn required(&mut self, name: &str, faults: &mut Faults) -> Option<Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            faults.report(self.path_of(name), "required");
        }
        field
    }

    /// Whether the field exists.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The name of a field of this map from the root of the document.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Reports the fields that were not read. Otherwise a misspelt field would be ignored.
    pub(crate) fn finish(self, faults: &mut Faults) {
        for (name, _) in &self.members {
            if !self.known.iter().any(|known| known == name) {
                // A suggestion is compared with every known name, so a document with many errors gets only some.
                let meant = if faults.count() < MAX_SUGGESTIONS { self.nearest(name) } else { None };
                let question = meant.map(|known| format!(", did you mean {known}?")).unwrap_or_default();
                faults.report(self.path_of(name), format!("unknown field{question}"));
            }
        }
    }

    /// The known name that is most similar to an unknown one. Case and separators don't matter, and at most one letter
    /// of three may differ.
    fn nearest(&self, name: &str) -> Option<&str> {
        let plain = |name: &str| name.replace(['_', '-', ' '], "").to_ascii_lowercase();
        let close = |known: &str| {
            let longest = known.len().max(name.len());
            let distance = strsim::osa_distance(&plain(known), &plain(name));
            (distance <= longest / 3).then_some(distance)
        };
        // A longer name is not a misspelt one, and comparing it would be slow.
        if name.len() > MAX_MISSPELT_BYTES {
            return None;
        }
        let candidates = self.known.iter().filter_map(|known| Some((close(known)?, known)));
        candidates.min().map(|(_, known)| known.as_str())
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.iter().find_map(|&(member, value)| (member == name).then_some(value))
    }
}
