//! Errors of a command, and how to fix them.

use std::fmt;
use std::process::ExitCode;

/// An error because of which a command ends with exit status 2.
///
/// Exit status 1 is a negative result, not a failure: for example, the filter would reject the token.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: String,
    remedy: Option<String>,
}

impl Failure {
    /// A failure with one line about what went wrong, without secrets.
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: None }
    }

    /// Adds how to fix it.
    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Prints it to stderr.
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
