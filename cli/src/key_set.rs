//! A JWK set in a file, read as the filter reads a set that it has fetched.

use std::path::Path;

use jwt_auth::{Algorithm, ConfiguredKey, JwkSetReport, NumericDate, Plugin};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::check::key_warnings;
use crate::failure::Failure;
use crate::files;
use crate::terminal::{BAD, GOOD, NOTICE, safe, styled};

/// A JWK set in a file.
pub(crate) struct KeySetFile {
    name: String,
    content: Zeroizing<Vec<u8>>,
}

/// What the filter would make of a set.
#[derive(Debug)]
pub(crate) struct KeySet {
    file: String,
    report: JwkSetReport,
}

impl KeySetFile {
    /// Reads a file, or stdin for `-`.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let content =
            files::read(path).map_err(|failure| failure.with_remedy("use the name of a file, or - for stdin"))?;
        Ok(Self { name: files::name(path), content })
    }

    /// The bytes of the file.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Gives the set to an entry of `remoteJwks`, as if it was fetched at this time. `None` if there is no such entry.
    pub(crate) fn load(&self, plugin: &Plugin, position: usize, now: NumericDate) -> Option<KeySet> {
        let report = plugin.remote_keys()?.load(position, &self.content, now)?;
        Some(KeySet { file: self.name.clone(), report })
    }
}

impl KeySet {
    /// The name of the file, for messages.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Whether the filter would use the set.
    pub(crate) fn is_usable(&self) -> bool {
        self.report.failure.is_none()
    }

    /// The usable keys.
    pub(crate) fn keys(&self) -> Vec<ConfiguredKey<'_>> {
        self.report.keys()
    }

    /// A line for the set, and one for each key.
    pub(crate) fn lines(&self) -> Vec<String> {
        let file = safe(&self.file);
        let keys = self.keys();
        let mut lines = vec![match &self.report.failure {
            Some(failure) => format!("{file}: {}: {failure}", styled(BAD, "a fetch of this set fails")),
            None if keys.len() == 1 => format!("{file}: {}", styled(GOOD, "1 usable key")),
            None => format!("{file}: {}", styled(GOOD, format!("{} usable keys", keys.len()))),
        }];
        for key in &keys {
            let id = key.id.map_or("no kid".to_owned(), |id| format!("kid {}", safe(id)));
            lines.push(format!("  usable   {}: {id}, {}", key.field, names(key.algorithms).join(", ")));
        }
        lines.extend(self.report.skipped.iter().map(|reason| format!("  skipped  {}", styled(NOTICE, safe(reason)))));
        for (field, text) in keys.iter().filter_map(key_warnings::flaw) {
            lines.push(format!("  warning  {field}: {}", styled(NOTICE, text)));
        }
        lines
    }

    /// The set for programs.
    pub(crate) fn json(&self) -> Value {
        let keys = self.keys();
        let warnings = keys.iter().filter_map(key_warnings::flaw);
        let warnings: Vec<_> = warnings.map(|(field, problem)| json!({"field": field, "problem": problem})).collect();
        let key = |key: &ConfiguredKey| json!({"field": key.field, "kid": key.id, "algorithms": names(key.algorithms)});
        json!({
            "file": self.file,
            "failure": self.report.failure.map(|failure| failure.to_string()),
            "keys": keys.iter().map(key).collect::<Vec<_>>(),
            "skipped": self.report.skipped,
            "warnings": warnings,
        })
    }
}

fn names(algorithms: &[Algorithm]) -> Vec<&'static str> {
    algorithms.iter().map(|algorithm| algorithm.name()).collect()
}
