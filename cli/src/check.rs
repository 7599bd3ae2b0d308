//! `check`: the errors of a plugin configuration, and the decision of the filter on a request.

mod clusters;
mod excerpt;
mod explain;
mod find;
mod handover;
mod jti_store;
mod key;
pub(crate) mod key_warnings;
mod origin;
mod remote;
mod report;
mod request;
mod yaml;

use std::ffi::OsStr;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jwt_auth::{JtiStore, NumericDate, Plugin};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::key_set::{KeySet, KeySetFile};
use crate::{files, moment, terminal};
use clusters::Clusters;
use find::{Contents, Found, Skipped};
use handover::reader::Notation;
use handover::{Finding, chain};
use jti_store::UsedJtis;
use remote::{Advice, RemoteSet};
use request::{Outcome, RequestArguments, Verdict};

/// Check a configuration for errors; with a request, show the decision of the filter.
///
/// The file is a plugin configuration in YAML or JSON, or a configuration of Envoy (bootstrap, listener or filter),
/// Istio (WasmPlugin, EnvoyFilter) or Envoy Gateway (EnvoyExtensionPolicy) with plugins in it. All errors are reported
/// with their line numbers. For Envoy it also warns about a filter without a guard, about filters of one chain that
/// conflict, and about clusters through which someone else could send keys or have used tokens accepted again.
///
/// With a token or any other part of a request, the filter decides on that request. The result is either the request
/// for the backend, or the code and message of the rejection, its reason and how to fix it.
///
/// The command fetches nothing. It shows what `remoteJwks` would fetch, and --jwks gives the keys in place of a fetch.
/// It shows which engine `jtiStore` would ask, but does not ask it.
#[derive(Debug, Args)]
#[command(override_usage = "jwt-auth check <--config <FILE|->|--key <FILE|->> [OPTIONS]")]
#[command(after_help = "\
The command does not know which tokens and proofs were used before, so it never reports S403JU (a
jti is used again), and never that a proof is used again.

Other users of the machine can see arguments, and the shell's history keeps them. Use --token - to
read the token from stdin.

Exit status: 0 no errors, and the request (if any) is accepted; 1 configuration errors, no usable
key in a set of --jwks, or the request is rejected; 2 error, or the answer depends on keys that are
not given. Warnings don't change it.

Examples:
  jwt-auth check --config plugin.yaml
  jwt-auth check --config envoy.yaml --token - < token.txt
  jwt-auth check --config envoy.yaml --jwks jwks.json --token - < token.txt
  jwt-auth check --key certificate.pem --token - < token.txt
  jwt-auth check --config envoy.yaml --plugin 2 --path '/payments?page=2' --token - < token.txt
  jwt-auth check --config plugin.yaml --header 'Authorization: Bearer eyJhbGciOi...' --json
  jwt-auth check --config plugin.yaml --path /orders --dpop \"$PROOF\" --token - < token.txt
  kubectl get wasmplugin jwt-auth -o yaml | jwt-auth check --config -")]
pub(crate) struct Arguments {
    /// The file with the configuration, or - for stdin.
    #[arg(long, value_name = "FILE|-", required_unless_present = "key")]
    config: Option<PathBuf>,

    /// A public key instead of a configuration: PEM, a certificate, a JWK or a JWK set; - is stdin. The token is read
    /// from the header Authorization, and the default rules apply.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["config", "plugin"])]
    key: Option<PathBuf>,

    /// A JWK set in place of the one that `remoteJwks` would fetch, as its issuer publishes it; - is stdin. For several
    /// entries of `remoteJwks`, repeat it in their order.
    #[arg(long, value_name = "FILE|-", conflicts_with = "key")]
    jwks: Vec<PathBuf>,

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
    let options = [
        ("--config", arguments.config.as_deref()),
        ("--key", arguments.key.as_deref()),
        ("--token", arguments.request.token()),
        ("--dpop", arguments.request.proof()),
    ];
    let sets = arguments.jwks.iter().map(|file| ("--jwks", Some(file.as_path())));
    files::check_stdin(&options.into_iter().chain(sets).collect::<Vec<_>>())
        .map_err(|failure| failure.with_remedy("use a file or an argument for one of them"))?;
    let mut checked = match (&arguments.config, &arguments.key) {
        (_, Some(key)) => Checked::of_key(key)?,
        (Some(config), None) => Checked::new(config)?,
        (None, None) => return Err(Failure::new("neither --config nor --key is given")),
    };
    let outcome = decide(arguments, &mut checked)?;
    if arguments.json {
        terminal::print_json(&report::json(&checked, outcome.as_ref()))?;
    } else {
        terminal::print(&report::text(&checked, outcome.as_ref()))?;
    }
    let is_well = |plugin: &CheckedPlugin| plugin.errors.is_empty() && plugin.key_sets().all(KeySet::is_usable);
    Ok(match outcome.map(|outcome| outcome.verdict) {
        Some(Verdict::Undecided { .. }) => ExitCode::from(2),
        None | Some(Verdict::Accepted(_)) if checked.plugins.iter().all(is_well) => ExitCode::SUCCESS,
        None | Some(Verdict::Accepted(_) | Verdict::Answered(_) | Verdict::Rejected(..)) => ExitCode::FAILURE,
    })
}

/// Gives the sets of `--jwks` to the chosen plugin, which then decides on the request, if there is one.
fn decide(arguments: &Arguments, checked: &mut Checked) -> Result<Option<Outcome>, Failure> {
    let is_asked = arguments.request.is_given();
    if !is_asked && arguments.plugin.is_none() && arguments.jwks.is_empty() {
        return Ok(None);
    }
    let now = arguments.request.time().unwrap_or_else(moment::now);
    let chosen = checked.choose(arguments.plugin.as_deref())?;
    chosen.load(&arguments.jwks, now)?;
    match chosen {
        CheckedPlugin { found, plugin: Some(plugin), remote, .. } if is_asked => {
            request::decide(&arguments.request, now, &found.name, plugin, remote).map(Some)
        }
        _ => Ok(None),
    }
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
    /// The entries of `remoteJwks`.
    remote: Vec<RemoteSet>,
    /// With `preventJtiReplay`.
    used_jtis: Option<UsedJtis>,
}

impl Checked {
    /// A configuration with this key alone.
    fn of_key(path: &Path) -> Result<Self, Failure> {
        let configuration = key::configuration(&read(path)?)?;
        let mut contents = find::find(&configuration, Notation::Json);
        for found in &mut contents.plugins {
            (found.name, found.form) = ("key".to_owned(), "no configuration");
        }
        Ok(Self::of(files::name(path), contents))
    }

    fn new(path: &Path) -> Result<Self, Failure> {
        let bytes = read(path)?;
        let file = files::name(path);
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            Failure::new(format!("{file}:{line}: not UTF-8")).with_remedy("save the file as UTF-8")
        })?;
        let contents = find::find(text, notation(path, text));
        if contents.plugins.is_empty() {
            let others =
                contents.skipped.iter().map(|other| format!("{:?} (line {})", other.name, other.position.line));
            let others: Vec<_> = others.collect();
            let remedy = if others.is_empty() {
                "use a file with `parameter` and `jwk`, `jwks` or `remoteJwks`, or an Envoy configuration that \
                 contains them"
                    .to_owned()
            } else {
                format!("other Wasm filters in the file: {}", others.join(", "))
            };
            return Err(Failure::new(format!("{file}: the file has no jwt-auth configuration")).with_remedy(remedy));
        }
        Ok(Self::of(file, contents))
    }

    fn of(file: String, contents: Contents) -> Self {
        let Contents { plugins, skipped, clusters } = contents;
        let mut plugins: Vec<_> =
            plugins.into_iter().map(|found| CheckedPlugin::new(found, &clusters, &skipped)).collect();
        chain::check(&mut plugins);
        jti_store::compare(&mut plugins);
        Self { file, plugins, skipped }
    }

    /// The plugin of this name or number; the only one if neither is given.
    fn choose(&mut self, wanted: Option<&str>) -> Result<&mut CheckedPlugin, Failure> {
        let problem = match self.index_of(wanted) {
            Ok(index) => return Ok(&mut self.plugins[index]),
            Err(problem) => problem,
        };
        let list = (1..)
            .zip(&self.plugins)
            .map(|(number, plugin)| format!("{number} ({:?}, line {})", plugin.found.name, plugin.found.position.line));
        let list: Vec<_> = list.collect();
        Err(Failure::new(format!("{}: {problem}", self.file))
            .with_remedy(format!("choose one with --plugin: {}", list.join(", "))))
    }

    /// The index of the wanted plugin, or why there is none.
    fn index_of(&self, wanted: Option<&str>) -> Result<usize, String> {
        let Some(wanted) = wanted else {
            let is_only = self.plugins.len() == 1;
            return if is_only { Ok(0) } else { Err("the file has several plugins".to_owned()) };
        };
        let has_name = |(_, plugin): &(usize, &CheckedPlugin)| plugin.found.name == wanted;
        let mut by_name = self.plugins.iter().enumerate().filter(has_name).map(|(index, _)| index);
        let by_number = || wanted.parse::<usize>().ok()?.checked_sub(1).filter(|&index| index < self.plugins.len());
        match (by_name.next(), by_name.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => by_number().ok_or_else(|| format!("the file has no plugin {wanted:?}")),
            (Some(_), Some(_)) => Err(format!("the file has several plugins named {wanted:?}")),
        }
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    files::read(path).map_err(|failure| failure.with_remedy("use the name of a file, or - for stdin"))
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
    fn new(found: Found, clusters: &Clusters, others: &[Skipped]) -> Self {
        let handover = match &found.handover {
            Err(error) => {
                let errors = vec![error.clone()];
                return Self { errors, plugin: None, warnings: Vec::new(), remote: Vec::new(), used_jtis: None, found };
            }
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
        let remote = RemoteSet::all(&plugin);
        let memory = remote.first().and_then(|_| remote::shared_memory(&found, others));
        let used_jtis = UsedJtis::of(&plugin);
        let of_jtis = used_jtis.iter().flat_map(|jtis| jtis.advice(clusters));
        let advice = remote.iter().flat_map(|set| set.advice(plugin.issuers(), clusters)).chain(memory).chain(of_jtis);
        let advice = advice.map(|Advice { field, cluster, text }| {
            let position = cluster.and_then(|cluster| clusters.position(&cluster));
            Finding::new(position.unwrap_or_else(|| handover.place(&field)), &field, text)
        });
        let mut warnings: Vec<_> = warnings.chain(of_keys).chain(advice).collect();
        errors.sort_by_key(|error| error.position);
        warnings.sort_by_key(|warning| warning.position);
        Self { plugin: Some(plugin), errors, warnings, remote, used_jtis, found }
    }

    /// Gives JWK sets to the entries of `remoteJwks`, as if they were fetched at this time.
    ///
    /// # Errors
    /// If a file can't be read, or if there are more sets than entries. Configuration errors are not an error here.
    fn load(&mut self, files: &[PathBuf], now: NumericDate) -> Result<(), Failure> {
        let Some(plugin) = self.plugin.as_ref().filter(|plugin| plugin.faults().is_none()) else { return Ok(()) };
        if files.len() > self.remote.len() {
            let entries = match self.remote.len() {
                0 => "the configuration has no remoteJwks".to_owned(),
                1 => "remoteJwks has one entry".to_owned(),
                count => format!("remoteJwks has {count} entries"),
            };
            let options = match files.len() {
                1 => "is an option --jwks".to_owned(),
                count => format!("are {count} options --jwks"),
            };
            return Err(Failure::new(format!("{entries}, but there {options}"))
                .with_remedy("--jwks gives the keys that remoteJwks would fetch. For a key alone, use --key"));
        }
        for (position, (remote, file)) in iter::zip(&mut self.remote, files).enumerate() {
            remote.keys = KeySetFile::read(file)?.load(plugin, position, now);
        }
        Ok(())
    }

    fn jti_store(&self) -> Option<&JtiStore> {
        self.plugin.as_ref()?.jti_store()
    }

    /// The sets of `--jwks`.
    fn key_sets(&self) -> impl Iterator<Item = &KeySet> {
        self.remote.iter().filter_map(|remote| remote.keys.as_ref())
    }
}
