//! Why a command could not do its work, and what to do about it.

use std::fmt;
use std::process::ExitCode;

/// A command that could not do its work; the process exits with 2.
///
/// 1 is an answer, not a failure: `check` looked, and the filter would refuse.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: String,
    remedy: Option<String>,
}

impl Failure {
    /// A failure that says what went wrong in one line, without anything secret.
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: None }
    }

    /// Adds what the user can do.
    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Tells it on stderr.
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("jwt-auth: {}", self.problem);
        if let Some(remedy) = self.remedy {
            eprintln!("  {remedy}");
        }
        ExitCode::from(2)
    }
}

/// What went wrong, without the remedy.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}
