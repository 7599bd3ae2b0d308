//! `check`: the errors of a plugin configuration, and the decision of the filter on a request.

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
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::{files, terminal};
use find::{Contents, Found, Skipped};
use handover::reader::Notation;
use handover::{Finding, chain};
use request::{Outcome, RequestArguments};

/// Check a configuration for errors; with a request, show the decision of the filter.
///
/// The file is a plugin configuration in YAML or JSON, or a configuration of Envoy (bootstrap, listener or filter),
/// Istio (WasmPlugin, EnvoyFilter) or Envoy Gateway (EnvoyExtensionPolicy) with plugins in it. All errors are reported
/// with their line numbers. For Envoy it also warns about a filter without a guard, and about filters of one chain that
/// conflict.
///
/// With a token or any other part of a request, the filter decides on that request. The result is either the request
/// for the backend, or the code and message of the rejection, its reason and how to fix it.
#[derive(Debug, Args)]
#[command(override_usage = "jwt-auth check <--config <FILE|->|--key <FILE|->> [OPTIONS]")]
#[command(after_help = "\
The command does not know which tokens were used before, so it never reports S403JU (a jti is used
again).

Other users of the machine can see arguments, and the shell's history keeps them. Use --token - to
read the token from stdin.

Exit status: 0 no errors, and the request (if any) is accepted; 1 configuration errors, or the
request is rejected; 2 error. Warnings don't change it.

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

    /// A public key instead of a configuration: PEM, a certificate, a JWK or a JWK set; - is stdin. The token is read
    /// from the header Authorization, and the default rules apply.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["config", "plugin"])]
    key: Option<PathBuf>,

    /// The plugin that decides, if the file has several: its name, or its number (the first is 1).
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
        files::check_stdin((option, file.as_deref()), ("--token", arguments.request.token()))
            .map_err(|failure| failure.with_remedy("use a file or an argument for one of them"))?;
    }
    let checked = match (&arguments.config, &arguments.key) {
        (_, Some(key)) => Checked::of_key(key)?,
        (Some(config), None) => Checked::new(config)?,
        (None, None) => return Err(Failure::new("neither --config nor --key is given")),
    };
    let is_asked = arguments.request.is_given();
    let chosen = (is_asked || arguments.plugin.is_some()).then(|| checked.choose(arguments.plugin.as_deref()));
    let outcome = match chosen.transpose()? {
        Some(CheckedPlugin { found, plugin: Some(plugin), .. }) if is_asked => {
            Some(request::decide(&arguments.request, &found.name, plugin)?)
        }
        Some(_) | None => None,
    };
    if arguments.json {
        terminal::print_json(&report::json(&checked, outcome.as_ref()))?;
    } else {
        terminal::print(&report::text(&checked, outcome.as_ref()))?;
    }
    let is_accepted = outcome.as_ref().is_none_or(Outcome::is_accepted);
    let has_errors = checked.plugins.iter().any(|plugin| !plugin.errors.is_empty());
    Ok(if is_accepted && !has_errors { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file with checked plugins.
struct Checked {
    /// The name of the file for messages.
    file: String,
    plugins: Vec<CheckedPlugin>,
    skipped: Vec<Skipped>,
}

struct CheckedPlugin {
    found: Found,
    /// `None` if Envoy would reject the file.
    plugin: Option<Plugin>,
    errors: Vec<Finding>,
    /// What is valid, but not advisable.
    warnings: Vec<Finding>,
}

impl Checked {
    /// A configuration with this key alone.
    fn of_key(path: &Path) -> Result<Self, Failure> {
        let configuration = key::configuration(&read(path)?)?;
        let Contents { mut plugins, skipped } = find::find(&configuration, Notation::Json);
        for found in &mut plugins {
            (found.name, found.form) = ("key".to_owned(), "no configuration");
        }
        Ok(Self { file: name(path), plugins: plugins.into_iter().map(CheckedPlugin::new).collect(), skipped })
    }

    fn new(path: &Path) -> Result<Self, Failure> {
        let bytes = read(path)?;
        let file = name(path);
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            Failure::new(format!("{file}:{line}: not UTF-8")).with_remedy("save the file as UTF-8")
        })?;
        let Contents { plugins, skipped } = find::find(text, notation(path, text));
        if plugins.is_empty() {
            let others = skipped.iter().map(|other| format!("{:?} (line {})", other.name, other.position.line));
            let others: Vec<_> = others.collect();
            let remedy = if others.is_empty() {
                "use a file with `parameter` and `jwk` or `jwks`, or an Envoy configuration that contains them"
                    .to_owned()
            } else {
                format!("other Wasm filters in the file: {}", others.join(", "))
            };
            return Err(Failure::new(format!("{file}: the file has no jwt-auth configuration")).with_remedy(remedy));
        }
        let mut plugins: Vec<_> = plugins.into_iter().map(CheckedPlugin::new).collect();
        chain::check(&mut plugins);
        Ok(Self { file, plugins, skipped })
    }

    /// The plugin of this name or number; the only one if neither is given.
    fn choose(&self, wanted: Option<&str>) -> Result<&CheckedPlugin, Failure> {
        let problem = match (wanted, self.plugins.as_slice()) {
            (None, [only]) => return Ok(only),
            (None, _) => "the file has several plugins".to_owned(),
            (Some(wanted), plugins) => {
                let by_name: Vec<_> = plugins.iter().filter(|plugin| plugin.found.name == wanted).collect();
                let by_number = || wanted.parse::<usize>().ok()?.checked_sub(1).and_then(|index| plugins.get(index));
                match by_name.as_slice() {
                    [only] => return Ok(only),
                    [] => match by_number() {
                        Some(plugin) => return Ok(plugin),
                        None => format!("the file has no plugin {wanted:?}"),
                    },
                    [_, ..] => format!("the file has several plugins named {wanted:?}"),
                }
            }
        };
        let list = (1..)
            .zip(&self.plugins)
            .map(|(number, plugin)| format!("{number} ({:?}, line {})", plugin.found.name, plugin.found.position.line));
        let list: Vec<_> = list.collect();
        Err(Failure::new(format!("{}: {problem}", self.file))
            .with_remedy(format!("choose one with --plugin: {}", list.join(", "))))
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    files::read(path).map_err(|failure| failure.with_remedy("use the name of a file, or - for stdin"))
}

/// The name of a file for messages.
fn name(path: &Path) -> String {
    if path.as_os_str() == OsStr::new(files::STDIN) { "stdin".to_owned() } else { path.display().to_string() }
}

/// The format in which Envoy would read the file: that of its extension, or else JSON if it is JSON.
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
        let handover = match &found.handover {
            Err(error) => return Self { errors: vec![error.clone()], plugin: None, warnings: Vec::new(), found },
            Ok(handover) => handover,
        };
        let plugin = Plugin::new(&handover.configuration, &handover.vm_configuration);
        let finding = |field: &str, text: &str| Finding::new(handover.place(field), field, text);
        let errors = plugin.faults().map_or(&[][..], |errors| errors.faults());
        let errors = errors.iter().map(|error| finding(error.field(), error.problem()));
        let mut errors: Vec<_> = handover.silent_errors.iter().cloned().chain(errors).collect();
        let of_keys = plugin.keys().into_iter().flat_map(|key| key_warnings::of(&key));
        let of_keys = of_keys.map(|(field, text)| finding(&field, &text));
        let warnings = plugin.warnings().iter().map(|warning| finding(warning.field(), warning.text()));
        let mut warnings: Vec<_> = warnings.chain(of_keys).collect();
        errors.sort_by_key(|error| error.position);
        warnings.sort_by_key(|warning| warning.position);
        Self { plugin: Some(plugin), errors, warnings, found }
    }
}
