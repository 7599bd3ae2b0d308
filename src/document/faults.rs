//! The configuration errors and warnings that reading a document finds.

use std::fmt;

/// Every fault of a configuration, in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<Fault>);

impl ConfigError {
    /// The faults; never empty.
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

/// One fault of a configuration. It never holds a configured value, since that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    field: String,
    problem: String,
    kind: FaultKind,
}

/// Whether a fault is one wherever it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
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
        Self { field: field.into(), problem: problem.into(), kind: FaultKind::Fault }
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

/// The faults found so far, the first of them whole, and the warnings.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    reported: Vec<Fault>,
    /// How many faults there are, reported or not.
    count: usize,
    /// How many of them are of [`FaultKind::Unfit`].
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
        self.note(Fault { kind: FaultKind::Unfit, ..Fault::new(field, problem) });
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
            self.note(Fault { kind: FaultKind::Unfit, ..fault });
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
            part.reported.into_iter().filter(|fault| fault.kind == FaultKind::Fault).for_each(|fault| self.note(fault));
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
