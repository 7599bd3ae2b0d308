//! Configuration errors and warnings.

use std::fmt;

/// The configuration errors of a document, in the order in which its fields are read.
///
/// At most 100 are listed; then the last one says how many more there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<Fault>);

impl ConfigError {
    /// The configuration errors; at least one.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl From<Fault> for ConfigError {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&faults.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// One configuration error. It never contains a configured value, which could be a secret, but can contain field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    field: String,
    problem: String,
    kind: FaultKind,
}

/// Whether a key with this error can be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    /// No: the key is invalid.
    Fault,
    /// Yes, if another key of its set is usable. The key may be valid, but can't verify tokens here, as with
    /// `use: enc`.
    Unfit,
}

/// A part of a valid configuration that is ignored, and why. It never contains a configured value, which could be a
/// secret.
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

    /// What was expected there, and what the filter does instead: `expected sig; the key is skipped`.
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
        Self { field: field.into(), problem: problem.into(), kind: FaultKind::Fault }
    }

    /// The field, for example `claimParameters[1].location`; empty for the document as a whole.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What was expected there: `expected true or false`.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.field, self.problem) }
    }
}

/// How many configuration errors are listed. A document of 1 MiB can have a hundred thousand.
const MAX_REPORTED: usize = 100;

/// The configuration errors and warnings found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// The first [`MAX_REPORTED`] errors.
    reported: Vec<Fault>,
    /// The number of all errors.
    count: usize,
    /// How many of all errors are [`FaultKind::Unfit`].
    unfit: usize,
    warnings: Vec<Warning>,
}

impl Faults {
    /// Adds a configuration error.
    pub(crate) fn report(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.note(Fault::new(field, problem));
    }

    /// Adds an error of a key that may be valid but can't verify tokens here. [`Self::leave_out`] turns it into a
    /// warning.
    pub(crate) fn report_unfit(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.note(Fault { kind: FaultKind::Unfit, ..Fault::new(field, problem) });
    }

    /// Adds everything that was found in a part.
    pub(crate) fn take(&mut self, part: Self) {
        let unlisted = part.count.saturating_sub(part.reported.len());
        part.reported.into_iter().for_each(|fault| self.note(fault));
        self.count = self.count.saturating_add(unlisted);
        self.warnings.extend(part.warnings);
    }

    /// Adds the errors of a part that can't be used anyway, each as [`FaultKind::Unfit`].
    pub(crate) fn take_unfit(&mut self, part: Self) {
        for fault in part.reported {
            self.note(Fault { kind: FaultKind::Unfit, ..fault });
        }
    }

    /// Adds what was found in a part that is skipped if all its errors are [`FaultKind::Unfit`]. In that case the first
    /// of them becomes a warning that ends with `consequence`.
    pub(crate) fn leave_out(&mut self, part: Self, consequence: &str) {
        if part.is_unfit_at_most() {
            let first = part.reported.into_iter().next();
            self.warnings.extend(
                first.map(|Fault { field, problem, .. }| Warning { field, text: format!("{problem}; {consequence}") }),
            );
        } else {
            // Without the other errors, the unfit ones would not have been errors.
            let faults = part.count.saturating_sub(part.unfit);
            let before = self.count;
            part.reported.into_iter().filter(|fault| fault.kind == FaultKind::Fault).for_each(|fault| self.note(fault));
            self.count = self.count.max(before.saturating_add(faults));
        }
    }

    /// Whether all errors, if any, are [`FaultKind::Unfit`].
    pub(crate) fn is_unfit_at_most(&self) -> bool {
        self.count == self.unfit
    }

    /// The first error, with its field.
    pub(crate) fn first(&self) -> Option<String> {
        self.reported.first().map(ToString::to_string)
    }

    /// The number of configuration errors.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The warnings, or an error if there is any configuration error.
    pub(crate) fn into_result(mut self) -> Result<Vec<Warning>, ConfigError> {
        let more = self.count.saturating_sub(self.reported.len());
        if more > 0 {
            self.reported.push(Fault::new("", format!("{more} more errors, not listed")));
        }
        if self.reported.is_empty() { Ok(self.warnings) } else { Err(ConfigError(self.reported)) }
    }

    fn note(&mut self, fault: Fault) {
        self.count = self.count.saturating_add(1);
        self.unfit = self.unfit.saturating_add(usize::from(fault.kind == FaultKind::Unfit));
        if self.reported.len() < MAX_REPORTED {
            self.reported.push(fault);
        }
    }
}
