//! A document field by field: every fault is noted with the name of its field, and reading goes on.

use std::fmt;
use std::ops::RangeInclusive;

use serde_yaml::Value;

use super::ConfigError;

/// One fault of a configuration. It never holds a configured value, since that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    field: String,
    problem: String,
    kind: Kind,
}

/// Whether a fault is one wherever it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fault,
    /// Only where nothing else can be used in place of what has it.
    Unfit,
}

/// A part of a configuration that is left out, and why. The configuration is valid. A warning never holds a configured
/// value, since that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    field: String,
    text: String,
}

impl Warning {
    /// The field, for example `jwks.keys[1].use`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What was expected there, and what happens instead.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.text)
    }
}

impl Fault {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), kind: Kind::Fault }
    }

    /// The field, for example `claimParameters[1].location`; empty for the document as a whole.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What was expected there.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.field, self.problem) }
    }
}

/// How many faults are reported. Nobody mends more at a time, and a document of a megabyte can have a hundred thousand.
const MAX_REPORTED: usize = 100;

/// The entries of a list that has no limit of its own. The longest in use, of audiences, have some tens.
pub(super) const MAX_ELEMENTS: usize = 1000;

/// The faults found so far, the first of them whole, and the warnings.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    reported: Vec<Fault>,
    /// How many faults there are, reported or not.
    count: usize,
    /// How many of them are of [`Kind::Unfit`].
    unfit: usize,
    warnings: Vec<Warning>,
}

impl Faults {
    /// Notes a fault.
    pub(crate) fn report(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.note(Fault::new(field, problem));
    }

    /// Notes that something may be sound but can't be used here: a fault, unless [`Self::leave_out`] takes it.
    pub(crate) fn report_unfit(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.note(Fault { kind: Kind::Unfit, ..Fault::new(field, problem) });
    }

    /// Takes over all that was found in a part.
    pub(crate) fn take(&mut self, part: Self) {
        let unlisted = part.count.saturating_sub(part.reported.len());
        part.reported.into_iter().for_each(|fault| self.note(fault));
        self.count = self.count.saturating_add(unlisted);
        self.warnings.extend(part.warnings);
    }

    /// Takes over what was found in a part that is unfit anyway.
    pub(crate) fn take_unfit(&mut self, part: Self) {
        for fault in part.reported {
            self.note(Fault { kind: Kind::Unfit, ..fault });
        }
    }

    /// Takes over what was found in a part that is left out if it is unfit and nothing worse: then the first reason becomes
    /// a warning that ends in `consequence`.
    pub(crate) fn leave_out(&mut self, part: Self, consequence: &str) {
        if part.is_unfit_at_most() {
            let first = part.reported.into_iter().next();
            self.warnings.extend(
                first.map(|Fault { field, problem, .. }| Warning { field, text: format!("{problem}; {consequence}") }),
            );
        } else {
            // That it is unfit, too, would have been no fault.
            let faults = part.count.saturating_sub(part.unfit);
            let before = self.count;
            part.reported.into_iter().filter(|fault| fault.kind == Kind::Fault).for_each(|fault| self.note(fault));
            self.count = self.count.max(before.saturating_add(faults));
        }
    }

    /// Whether all faults are of things that can't be used here.
    pub(crate) fn is_unfit_at_most(&self) -> bool {
        self.count == self.unfit
    }

    /// How many faults there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The error, if there is a fault; else the warnings.
    pub(super) fn into_result(mut self) -> Result<Vec<Warning>, ConfigError> {
        let more = self.count.saturating_sub(self.reported.len());
        if more > 0 {
            self.reported.push(Fault::new("", format!("{more} more errors, not listed")));
        }
        if self.reported.is_empty() { Ok(self.warnings) } else { Err(ConfigError(self.reported)) }
    }

    fn note(&mut self, fault: Fault) {
        self.count = self.count.saturating_add(1);
        self.unfit = self.unfit.saturating_add(usize::from(fault.kind == Kind::Unfit));
        if self.reported.len() < MAX_REPORTED {
            self.reported.push(fault);
        }
    }
}

/// A value and the name of the field that it stands in.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    pub(super) fn root(document: &'a Value) -> Self {
        Self { path: String::new(), value: document }
    }

    /// The name of the field from the root of the document.
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

    /// A whole number of a range. A Struct has doubles only, so 30.0 is taken for 30.
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

    /// The elements of a list, at most 1,000, or the one value that stands in its place.
    pub(crate) fn one_or_many(&self, faults: &mut Faults) -> Option<Vec<Self>> {
        if self.value.is_sequence() { self.list(faults) } else { Some(vec![self.clone()]) }
    }

    /// The members of a map.
    pub(crate) fn section(&self, faults: &mut Faults) -> Option<Section<'a>> {
        self.expect(self.as_section(), &format!("a map of fields{}", self.hint()), faults)
    }

    /// The members of a map; `None` if this is something else.
    pub(crate) fn as_section(&self) -> Option<Section<'a>> {
        let members = self.value.as_mapping()?.iter().map(|(name, value)| Some((name.as_str()?, value)));
        Some(Section { path: self.path.clone(), members: members.collect::<Option<_>>()?, known: Vec::new() })
    }

    /// What to do about a string in place of keys.
    fn hint(&self) -> &'static str {
        let text = self.value.as_str().filter(|_| self.path.starts_with("jwk")).unwrap_or_default().trim_start();
        let begins_with = |start: &str| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
        if begins_with("http://") || begins_with("https://") {
            ", found a URL: keys are not fetched; paste the JWK set that is there"
        } else if begins_with("-----BEGIN ") {
            ", found PEM: `jwt-auth jwk FILE` makes a JWK of it"
        } else {
            ""
        }
    }

    fn expect<T>(&self, found: Option<T>, expected: &str, faults: &mut Faults) -> Option<T> {
        if found.is_none() {
            faults.report(&self.path, format!("expected {expected}"));
        }
        found
    }
}

fn whole(number: f64) -> Option<u64> {
    /// Up to here a double has every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number as u64)
}

/// For how many faults of a configuration a correct name is suggested.
const MAX_SUGGESTIONS: usize = 16;

/// The longest name that is compared with the known ones: twice the longest of these.
const MAX_MISSPELT_BYTES: usize = 64;

/// A map of fields, which remembers the names it was asked for.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    path: String,
    members: Vec<(&'a str, &'a Value)>,
    known: Vec<String>,
}

impl<'a> Section<'a> {
    /// A field that may be left out.
    pub(crate) fn optional(&mut self, name: &str) -> Option<Field<'a>> {
        self.known.push(name.to_owned());
        let value = self.value(name)?;
        Some(Field { path: self.path_of(name), value })
    }

    /// A field that must be there.
    pub(crate) fn required(&mut self, name: &str, faults: &mut Faults) -> Option<Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            faults.report(self.path_of(name), "required");
        }
        field
    }

    /// Whether the field is there.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The name of one of its fields from the root of the document.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Reports the fields that were never asked for: a misspelt name must not pass for a left-out one.
    pub(crate) fn finish(self, faults: &mut Faults) {
        for (name, _) in &self.members {
            if !self.known.iter().any(|known| known == name) {
                // Behind this many faults nobody looks for more help, and each costs a comparison with every known name.
                let meant = if faults.count() < MAX_SUGGESTIONS { self.nearest(name) } else { None };
                let question = meant.map(|known| format!(", did you mean {known}?")).unwrap_or_default();
                faults.report(self.path_of(name), format!("unknown field{question}"));
            }
        }
    }

    /// The known name that an unknown one is likely to stand for: it has the same letters in another case or with other
    /// separators, or one letter in three is another.
    fn nearest(&self, name: &str) -> Option<&str> {
        let plain = |name: &str| name.replace(['_', '-', ' '], "").to_ascii_lowercase();
        let close = |known: &str| {
            let longest = known.len().max(name.len());
            let distance = strsim::osa_distance(&plain(known), &plain(name));
            (distance <= longest / 3).then_some(distance)
        };
        // A longer one is no slip, and comparing takes time by its length.
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
