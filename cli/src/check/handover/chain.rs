//! The chain of HTTP filters of a plugin: whether there is a guard, and whether two plugins conflict.

use super::Finding;
use crate::check::CheckedPlugin;
use crate::check::yaml::Node;

/// The place of a plugin in a chain.
#[derive(Debug)]
pub(in crate::check) struct Place {
    /// The number of the chain in the file.
    pub(in crate::check) chain: usize,
    /// Whether it is off unless a route turns it on.
    pub(in crate::check) is_off: bool,
    /// The RBAC filters after it.
    pub(in crate::check) guards: Vec<Guard>,
}

/// An RBAC filter of a chain.
#[derive(Clone, Debug)]
pub(in crate::check) struct Guard {
    is_off: bool,
    rules: Node,
}

/// The `disabled` of an HTTP filter.
pub(in crate::check) fn is_off(filter: &Node) -> bool {
    filter.text_of("disabled") == Some("true")
}

impl Guard {
    /// The filter as a guard, if it is an RBAC filter with rules.
    pub(in crate::check) fn of(filter: &Node) -> Option<Self> {
        let config = filter.get_any(&["typed_config", "typedConfig"])?;
        let message = config.text_of("@type")?;
        let rules = config.get("rules")?;
        message
            .ends_with("/envoy.extensions.filters.http.rbac.v3.RBAC")
            .then(|| Self { is_off: is_off(filter), rules: rules.clone() })
    }

    /// Whether it forwards a request only if this entry of the filter state is OK or BYPASSED.
    fn requires(&self, outcome: &str) -> bool {
        let allows = matches!(self.rules.text_of("action"), None | Some("ALLOW" | "0"));
        let policies = self.rules.get("policies").map_or(&[][..], Node::entries);
        let principals =
            |policy: &Node| policy.get("principals").map_or_else(Vec::new, |list| list.elements().to_vec());
        allows && policies.iter().all(|(_, policy)| principals(policy).iter().all(|one| requires(one, outcome)))
    }
}

/// Whether a principal matches only if the entry is OK or BYPASSED.
fn requires(principal: &Node, outcome: &str) -> bool {
    let ids = |names: &[&str]| principal.get_any(names).and_then(|set| set.get("ids")).map(Node::elements);
    if let Some(state) = principal.get_any(&["filter_state", "filterState"]) {
        let is_this = state.text_of("key") == Some(&format!("wasm.{outcome}"));
        return is_this && state.get_any(&["string_match", "stringMatch"]).is_some_and(takes_forwarded_only);
    }
    if let Some(all) = ids(&["and_ids", "andIds"]) {
        return all.iter().any(|one| requires(one, outcome));
    }
    ids(&["or_ids", "orIds"]).is_some_and(|any| any.iter().all(|one| requires(one, outcome)))
}

/// Whether a string matcher matches only OK and BYPASSED.
fn takes_forwarded_only(matcher: &Node) -> bool {
    let is_forwarded = |text: &str| ["OK", "BYPASSED"].contains(&text);
    let regex = matcher.get_any(&["safe_regex", "safeRegex"]).and_then(|regex| regex.text_of("regex"));
    match (matcher.text_of("exact"), regex) {
        (Some(exact), None) => is_forwarded(exact),
        (None, Some(regex)) => {
            regex.trim_start_matches(['^', '(']).trim_end_matches(['$', ')']).split('|').all(is_forwarded)
        }
        (_, _) => false,
    }
}

/// Adds what concerns the chain of each plugin: an error if another plugin of the chain has the same `outcome.prefix`,
/// a warning if there is no guard after it, and a warning if an earlier plugin already uses the `jti`s.
pub(in crate::check) fn check(plugins: &mut [CheckedPlugin]) {
    for index in 0..plugins.len() {
        let (before, rest) = plugins.split_at_mut(index);
        let Some((plugin, _)) = rest.split_first_mut() else { return };
        let same_chain = |other: &&CheckedPlugin| match (&other.found.place, &plugin.found.place) {
            (Some(other), Some(this)) => other.chain == this.chain,
            (_, _) => false,
        };
        let before: Vec<&CheckedPlugin> = before.iter().filter(same_chain).collect();
        let error = shared_prefix(plugin, &before);
        let warnings: Vec<_> = guard_missing(plugin).into_iter().chain(replay_twice(plugin, &before)).collect();
        plugin.errors.extend(error);
        plugin.warnings.extend(warnings);
    }
}

fn shared_prefix(plugin: &CheckedPlugin, before: &[&CheckedPlugin]) -> Option<Finding> {
    let outcome = plugin.outcome()?;
    let other = before.iter().find(|other| other.outcome() == Some(outcome))?;
    let position = plugin.found.handover.as_ref().ok()?.place("outcome.prefix");
    let problem = format!(
        "expected a prefix that differs from that of {:?} in the same chain: if Envoy leaves out one of the filters, \
         the OK of the other one satisfies the guard",
        other.found.name
    );
    Some(Finding::new(position, "outcome.prefix", problem))
}

/// Why a filter needs a guard.
const LEFT_OUT: &str = "If Envoy can't configure the filter on a worker, it leaves it out and forwards every request";

fn guard_missing(plugin: &CheckedPlugin) -> Option<Finding> {
    let place = plugin.found.place.as_ref()?;
    plugin.plugin.as_ref()?;
    let Some(outcome) = plugin.outcome() else {
        let problem = format!(
            "there is no guard. {LEFT_OUT}. Add `outcome: {{}}` and an RBAC filter as in docs/envoy.md, \"The guard\""
        );
        return Some(Finding::new(plugin.found.position, "outcome", problem));
    };
    let guards: Vec<_> = place.guards.iter().filter(|guard| guard.requires(outcome)).collect();
    let problem = if guards.is_empty() {
        format!(
            "there is no guard after the filter. {LEFT_OUT}. Add an RBAC filter that requires wasm.{outcome} to be OK \
             or BYPASSED, as in docs/envoy.md, \"The guard\""
        )
    } else if !place.is_off && guards.iter().all(|guard| guard.is_off) {
        format!(
            "the guard after the filter is off (`disabled: true`), but the filter is on. {LEFT_OUT}. Turn the guard on"
        )
    } else {
        return None;
    };
    Some(Finding::new(plugin.found.position, "outcome", problem))
}

/// Plugins that are off in the chain are assumed to be turned on by different routes.
fn replay_twice(plugin: &CheckedPlugin, before: &[&CheckedPlugin]) -> Option<Finding> {
    let parameter = plugin.replay_parameter()?;
    let is_same = |other: &&&CheckedPlugin| {
        other.found.vm_id == plugin.found.vm_id
            && other.replay_parameter().is_some_and(|other| other.eq_ignore_ascii_case(parameter))
    };
    let other = before.iter().find(is_same)?;
    let problem = format!(
        "{:?} before it in the chain already uses each jti, so this filter rejects every request with S403JU. Set \
         preventJtiReplay in only one of them, or turn on one of them for each route",
        other.found.name
    );
    Some(Finding::new(plugin.found.handover.as_ref().ok()?.place("preventJtiReplay"), "preventJtiReplay", problem))
}

impl CheckedPlugin {
    /// The name of the filter state that the plugin sets.
    fn outcome(&self) -> Option<&str> {
        Some(self.plugin.as_ref()?.outcome(Err(&jwt_auth::Rejection::TokenMissing))?.0)
    }

    /// `parameter`, if the plugin accepts each `jti` once and is on for every request of the chain.
    fn replay_parameter(&self) -> Option<&str> {
        let plugin = self.plugin.as_ref().filter(|plugin| plugin.prevents_replay())?;
        self.found.place.as_ref().filter(|place| !place.is_off)?;
        Some(plugin.token_source()?.0)
    }
}
