//! `check`: the faults of a plugin configuration, and what the filter would do to a request.

mod excerpt;
mod explain;
mod find;
mod handover;
mod key;
mod key_warnings;
mod origin;
mod report;
mod request;
mod yaml;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jwt_auth::Plugin;

use crate::failure::Failure;
use crate::{files, source, terminal};
use find::{Contents, Found, Skipped};
use handover::reader::Notation;
use handover::{PlacedFault, chain};
use request::{Outcome, RequestArguments};

/// Find the faults of a configuration; with a request, say what the filter would answer.
///
/// The configuration is looked for in the file: the plugin's own YAML or JSON, or the YAML of Envoy (bootstrap, listener or
/// filter), of Istio (WasmPlugin, EnvoyFilter) or of Envoy Gateway (EnvoyExtensionPolicy) with plugins in it. Every fault is
/// told, with its line. For Envoy it also warns about a filter without a guard behind it, and about filters of one chain
/// that get into each other's way.
///
/// With a token, or any other part of a request, the filter itself decides on that request, and the answer is either what
/// the backend would get or the code, the message, why, and what to do.
#[derive(Debug, Args)]
#[command(override_usage = "jwt-auth check <--config <FILE|->|--key <FILE|->> [OPTIONS]")]
#[command(after_help = "\
What was used before is not known here, so no answer is ever S403JU (a jti is used twice).

Arguments can be seen by others on the machine, and stay in the shell's history. --token - reads
the token from stdin.

Warnings don't change the exit status.

Exit status: 0 without faults and, where there is a request, if it is accepted; 1 if there are
faults or it is refused; 2 if the command could not do its work.

Examples:
  jwt-auth check --config plugin.yaml
  jwt-auth check --config envoy.yaml --token - < token.txt
  jwt-auth check --key certificate.pem --token - < token.txt
  jwt-auth check --config envoy.yaml --plugin 2 --path '/payments?page=2' --token - < token.txt
  jwt-auth check --config plugin.yaml --header 'Authorization: Bearer eyJhbGciOi...' --json
  kubectl get wasmplugin jwt-auth -o yaml | jwt-auth check --config -")]
pub(crate) struct Arguments {
    /// The file with the configuration, or - for stdin.
    #[arg(long, value_name = "FILE|-", required_unless_present = "key")]
    config: Option<PathBuf>,

    /// A public key instead of a configuration: PEM, a certificate, or a JWK or JWK set; - is stdin. The token is looked for
    /// in the header Authorization, and the default rules apply.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["config", "plugin"])]
    key: Option<PathBuf>,

    /// Which plugin of the file decides: its name, or its number from 1.
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    request: RequestArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    for (option, file) in [("--config", &arguments.config), ("--key", &arguments.key)] {
        if file.as_ref().is_some_and(|file| file.as_os_str() == source::STDIN) && arguments.request.reads_stdin() {
            return Err(Failure::new(format!("both {option} and --token are to be read from stdin"))
                .with_remedy("give one of them as a file or as an argument"));
        }
    }
    let checked = match (&arguments.config, &arguments.key) {
        (_, Some(key)) => Checked::of_key(key)?,
        (Some(config), None) => Checked::new(config)?,
        (None, None) => return Err(Failure::new("neither --config nor --key is given")),
    };
    let outcome = match (arguments.request.is_given(), &arguments.plugin) {
        (false, None) => None,
        (true, _) => {
            let checked = checked.choose(arguments.plugin.as_deref())?;
            checked
                .plugin
                .as_ref()
                .map(|plugin| request::decide(&arguments.request, &checked.found.name, plugin))
                .transpose()?
        }
        (false, Some(name)) => {
            checked.choose(Some(name))?;
            None
        }
    };
    if arguments.json {
        terminal::print_json(&report::json(&checked, outcome.as_ref()))?;
    } else {
        terminal::print(&report::text(&checked, outcome.as_ref()))?;
    }
    let is_accepted = outcome.as_ref().is_none_or(Outcome::is_accepted);
    let has_faults = checked.plugins.iter().any(|plugin| !plugin.faults.is_empty());
    Ok(if is_accepted && !has_faults { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file whose plugins have been looked at.
struct Checked {
    /// The file's name for people.
    file: String,
    plugins: Vec<CheckedPlugin>,
    skipped: Vec<Skipped>,
}

struct CheckedPlugin {
    found: Found,
    /// `None` where Envoy would not take the file.
    plugin: Option<Plugin>,
    faults: Vec<PlacedFault>,
    /// What is allowed, but not advised.
    warnings: Vec<PlacedFault>,
}

impl Checked {
    /// A configuration with this key alone.
    fn of_key(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path).map_err(|failure| failure.with_remedy("name a file, or - for stdin"))?;
        let configuration = key::configuration(&bytes)?;
        let Contents { mut plugins, skipped } = find::find(&configuration, Notation::Json);
        for found in &mut plugins {
            (found.name, found.form) = ("key".to_owned(), "instead of a configuration");
        }
        Ok(Self { file: name(path), plugins: plugins.into_iter().map(CheckedPlugin::new).collect(), skipped })
    }

    fn new(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path).map_err(|failure| failure.with_remedy("name a file, or - for stdin"))?;
        let file = name(path);
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            Failure::new(format!("{file}:{line}: not UTF-8 text")).with_remedy("save the file as UTF-8")
        })?;
        let Contents { plugins, skipped } = find::find(text, notation(path, text));
        if plugins.is_empty() {
            let others = skipped.iter().map(|other| format!("{:?} in line {}", other.name, other.position.line));
            let others: Vec<_> = others.collect();
            let problem = format!("{file}: no configuration of jwt-auth in it");
            return Err(if others.is_empty() {
                Failure::new(problem)
                    .with_remedy("name the file that has `parameter` and `jwk` or `jwks`, or an Envoy's YAML with them")
            } else {
                Failure::new(problem).with_remedy(format!("other Wasm filters are: {}", others.join(", ")))
            });
        }
        let mut plugins: Vec<_> = plugins.into_iter().map(CheckedPlugin::new).collect();
        chain::judge(&mut plugins);
        Ok(Self { file, plugins, skipped })
    }

    /// The plugin of this name or number; the only one if neither is given.
    fn choose(&self, wanted: Option<&str>) -> Result<&CheckedPlugin, Failure> {
        let problem = match (wanted, self.plugins.as_slice()) {
            (None, [only]) => return Ok(only),
            (None, _) => "several plugins are in the file, and which one is to decide is not said".to_owned(),
            (Some(wanted), plugins) => {
                let by_name: Vec<_> = plugins.iter().filter(|plugin| plugin.found.name == wanted).collect();
                let by_number = || wanted.parse::<usize>().ok()?.checked_sub(1).and_then(|index| plugins.get(index));
                match by_name.as_slice() {
                    [only] => return Ok(only),
                    [] => match by_number() {
                        Some(plugin) => return Ok(plugin),
                        None => format!("no plugin {wanted:?} is in the file"),
                    },
                    [_, ..] => format!("several plugins are named {wanted:?}"),
                }
            }
        };
        let list = (1..)
            .zip(&self.plugins)
            .map(|(number, plugin)| format!("{number} ({:?}, line {})", plugin.found.name, plugin.found.position.line));
        let list: Vec<_> = list.collect();
        Err(Failure::new(format!("{}: {problem}", self.file))
            .with_remedy(format!("--plugin takes one of: {}", list.join(", "))))
    }
}

/// The name of a file for people.
fn name(path: &Path) -> String {
    if path.as_os_str() == OsStr::new(source::STDIN) { "stdin".to_owned() } else { path.display().to_string() }
}

/// How Envoy would read the file: by its name or, where that does not say, as JSON what is JSON.
fn notation(path: &Path, text: &str) -> Notation {
    let is_json = match path.extension().and_then(OsStr::to_str) {
        Some("json") => true,
        Some("yaml" | "yml") => false,
        Some(_) | None => serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok(),
    };
    if is_json { Notation::Json } else { Notation::Yaml }
}

impl CheckedPlugin {
    fn new(found: Found) -> Self {
        let (plugin, mut faults, mut warnings) = match &found.handover {
            Err(fault) => (None, vec![fault.clone()], Vec::new()),
            Ok(handover) => {
                let plugin = Plugin::new(&handover.configuration, &handover.vm_configuration);
                let faults = plugin.faults().map_or(&[][..], |error| error.faults());
                let placed = faults
                    .iter()
                    .map(|fault| PlacedFault::new(handover.place(fault.field()), fault.field(), fault.problem()));
                let all = handover.slips.iter().cloned().chain(placed).collect();
                let warnings = plugin
                    .warnings()
                    .iter()
                    .map(|warning| PlacedFault::new(handover.place(warning.field()), warning.field(), warning.text()));
                let of_keys = plugin.keys().into_iter().flat_map(|key| key_warnings::of(&key));
                let of_keys = of_keys.map(|(field, text)| PlacedFault::new(handover.place(&field), &field, &text));
                let warnings = warnings.chain(of_keys).collect();
                (Some(plugin), all, warnings)
            }
        };
        faults.sort_by_key(|fault| fault.position);
        warnings.sort_by_key(|warning: &PlacedFault| warning.position);
        Self { found, plugin, faults, warnings }
    }
}
