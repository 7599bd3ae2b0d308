//! Settings from environment variables.

use std::path::PathBuf;

/// The settings of a run.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `ENVOY`: the Envoy binary.
    pub(crate) envoy: PathBuf,
    /// `WRK`: the `wrk` binary.
    pub(crate) wrk: PathBuf,
    /// `JWT_AUTH_WASM`: the filter.
    pub(crate) filter: PathBuf,
    /// `NOOP_WASM`: the filter that does nothing.
    pub(crate) noop: PathBuf,
    /// `BENCH_OUT`: the folder of the report.
    pub(crate) out: PathBuf,
    /// `BENCH_README`: a page whose table lines are updated from the report; none by default.
    pub(crate) readme: Option<PathBuf>,
    /// `BENCH_TURNS`: how often each variant is measured; 9 by default.
    pub(crate) turns: usize,
    /// `BENCH_ONLY`: measures only the variants with these names, separated by commas. A `*` at the end
    /// of a name stands for any text: `jti-*` are those of the table about `jtiStore`.
    pub(crate) only: Vec<String>,
    /// `BENCH_LIVE_JTIS`: the number of live `jti`s in the large replay store; a million by default.
    pub(crate) live_jtis: usize,
}

impl Settings {
    /// Whether the variant with this name is measured.
    pub(crate) fn wants(&self, variant: &str) -> bool {
        self.only.is_empty()
            || self.only.iter().any(|name| match name.strip_suffix('*') {
                Some(prefix) => variant.starts_with(prefix),
                None => name == variant,
            })
    }

    /// # Errors
    /// When a variable is missing or not a number.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let path = |name: &str| {
            let value = std::env::var_os(name).ok_or_else(|| format!("{name} is not set; `make bench` sets it"))?;
            std::path::absolute(value).map_err(|error| format!("{name}: {error}"))
        };
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let number = |name: &str, default: usize| match text(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().ok().filter(|&number| number > 0).ok_or(format!("{name}={text}: expected a number"))
            }
        };
        Ok(Self {
            envoy: path("ENVOY")?,
            wrk: path("WRK")?,
            filter: path("JWT_AUTH_WASM")?,
            noop: path("NOOP_WASM")?,
            out: path("BENCH_OUT")?,
            readme: text("BENCH_README").map(PathBuf::from),
            turns: number("BENCH_TURNS", 9)?,
            only: text("BENCH_ONLY").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default(),
            live_jtis: number("BENCH_LIVE_JTIS", 1_000_000)?,
        })
    }
}
