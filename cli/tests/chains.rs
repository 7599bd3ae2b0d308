//! `jwt-auth check` on the filters around a plugin: missing guards, shared prefixes, and `jti`s that are used up twice.

mod support;

use serde_json::json;
use support::{jwt_auth, repository};

const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";
const GUARD: &str = "{filter_state: {key: wasm.jwt_auth_code, string_match: {safe_regex: {regex: OK|BYPASSED}}}}";
const NO_GUARD: &str = "there is no guard after the filter. If Envoy can't configure the filter on a worker, it leaves it out \
                        and forwards every request. Add an RBAC filter that requires wasm.jwt_auth_code to be OK or BYPASSED, \
                        as in docs/envoy.md, \"The guard\"";

/// A plugin in a chain, with its key and these members.
fn plugin(name: &str, filter: &str, members: &str) -> String {
    format!(
        "{{name: {name}, {filter} typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, \
         config: {{vm_config: {{vm_id: one}}, configuration: {{'@type': type.googleapis.com/google.protobuf.Struct, \
         value: {{parameter: X-Token, {members} jwk: {KEY}}}}}}}}}}}"
    )
}

/// A guard of this filter type with these principals.
fn guard(filter: &str, principals: &str) -> String {
    format!(
        "{{name: guard, {filter} typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, \
         rules: {{policies: {{p: {{permissions: [{{any: true}}], principals: [{principals}]}}}}}}}}}}"
    )
}

/// A chain. The filters are on separate lines, starting at the second line.
fn chain(filters: &[String]) -> String {
    filters.iter().fold("http_filters:\n".to_owned(), |text, filter| format!("{text}- {filter}\n"))
}

/// The exit status, and the line, field and problem of each error and of each warning.
fn said(file: &str) -> (i32, Vec<String>, Vec<String>) {
    let answer = jwt_auth(&["check", "--json", "--config", "-"], file.as_bytes());
    let json = answer.json();
    let list = |kind: &str| {
        let plugins = json["plugins"].as_array().unwrap().iter();
        let all = plugins.flat_map(|plugin| plugin[kind].as_array().unwrap());
        let text = |part: &serde_json::Value| part.as_str().unwrap().to_owned();
        all.map(|error| format!("{} {}: {}", error["line"], text(&error["field"]), text(&error["problem"]))).collect()
    };
    (answer.status, list("errors"), list("warnings"))
}

const OUTCOME: &str = "outcome: {},";

#[test]
fn a_filter_without_a_guard_after_it_gets_a_warning() {
    let filter = || plugin("jwt", "", OUTCOME);
    let warned = format!("2 outcome: {NO_GUARD}");
    let off = "2 outcome: the guard after the filter is off (`disabled: true`), but the filter is on. If Envoy can't configure \
               the filter on a worker, it leaves it out and forwards every request. Turn the guard on";
    let state = |matcher: &str| format!("{{filter_state: {{key: wasm.jwt_auth_code, string_match: {matcher}}}}}");
    let other_code = GUARD.replace("jwt_auth_code", "other_code");
    let deny = guard("", GUARD).replace("rules: {", "rules: {action: DENY, ");
    let shadow = guard("", GUARD).replace("rules:", "shadow_rules:");
    let every = format!("{GUARD}, {{any: true}}");
    let also = format!("{{and_ids: {{ids: [{{any: true}}, {GUARD}]}}}}");
    let either = format!("{{or_ids: {{ids: [{GUARD}, {{any: true}}]}}}}");
    for (name, filters, warning) in [
        ("none", vec![filter()], Some(warned.as_str())),
        ("behind", vec![filter(), guard("", GUARD)], None),
        ("before", vec![guard("", GUARD), filter()], Some(&warned.replace("2 ", "3 "))),
        ("of another prefix", vec![filter(), guard("", &other_code)], Some(&warned)),
        ("that is off", vec![filter(), guard("disabled: true,", GUARD)], Some(off)),
        ("both off", vec![plugin("jwt", "disabled: true,", OUTCOME), guard("disabled: true,", GUARD)], None),
        ("that denies", vec![filter(), deny], Some(&warned)),
        ("that only counts", vec![filter(), shadow], Some(&warned)),
        ("with an exact text", vec![filter(), guard("", &state("{exact: OK}"))], None),
        ("with another text", vec![filter(), guard("", &state("{exact: A403JE}"))], Some(&warned)),
        ("with any text", vec![filter(), guard("", &state("{safe_regex: {regex: '.*'}}"))], Some(&warned)),
        ("with a wider text", vec![filter(), guard("", &state("{safe_regex: {regex: 'OK|.*'}}"))], Some(&warned)),
        ("with a prefix of texts", vec![filter(), guard("", &state("{prefix: O}"))], Some(&warned)),
        ("that lets everybody by", vec![filter(), guard("", &every)], Some(&warned)),
        ("that asks for more", vec![filter(), guard("", &also)], None),
        ("that asks for one of several", vec![filter(), guard("", &either)], Some(&warned)),
    ] {
        let expected: Vec<String> = warning.into_iter().map(str::to_owned).collect();
        assert_eq!(said(&chain(&filters)), (0, vec![], expected), "a guard {name}");
    }
    let silent = chain(&[plugin("jwt", "", ""), guard("", GUARD)]);
    let expected = "2 outcome: there is no guard. If Envoy can't configure the filter on a worker, it leaves it out and forwards \
                    every request. Add `outcome: {}` and an RBAC filter as in docs/envoy.md, \"The guard\"";
    assert_eq!(said(&silent), (0, vec![], vec![expected.to_owned()]));
    // Only a filter chain of Envoy can have a guard.
    assert_eq!(said(&format!("parameter: t\njwk: {KEY}\n")), (0, vec![], vec![]));
}

#[test]
fn a_warning_has_its_line_and_column() {
    let answer = jwt_auth(&["check", "--config", "-"], chain(&[plugin("jwt", "", OUTCOME)]).as_bytes());
    let line = answer.stdout.lines().next().unwrap();
    assert!(line.starts_with("stdin:2:") && line.ends_with(&format!(": warning: outcome: {NO_GUARD}")), "{answer:?}");
    assert_eq!(answer.status, 0);
}

#[test]
fn two_filters_of_a_chain_with_the_same_prefix_are_an_error() {
    let guard = || guard("", GUARD);
    let shared = "3 outcome.prefix: expected a prefix that differs from that of \"a\" in the same chain: if Envoy leaves out one \
                  of the filters, the OK of the other one satisfies the guard";
    let named = "outcome: {prefix: jwt_auth},";
    for off in ["", "disabled: true,"] {
        let file = chain(&[plugin("a", "", OUTCOME), plugin("b", off, named), guard()]);
        assert_eq!(said(&file), (1, vec![shared.to_owned()], vec![]), "{off}");
    }
    let apart = chain(&[plugin("a", "", OUTCOME), guard()]) + "---\n" + &chain(&[plugin("b", "", named), guard()]);
    assert_eq!(said(&apart), (0, vec![], vec![]), "in two chains");
}

#[test]
fn two_filters_of_a_chain_that_use_up_the_same_jti_get_a_warning() {
    let payments = GUARD.replace("jwt_auth", "payments");
    let guards = || [guard("", GUARD), guard("", &payments)];
    let first = || plugin("a", "", "preventJtiReplay: true, outcome: {},");
    let second = |filter: &str| plugin("b", filter, "preventJtiReplay: true, outcome: {prefix: payments},");
    let warned = "3 preventJtiReplay: \"a\" before it in the chain already uses each jti, so this filter rejects every request with \
                  S403JU. Set preventJtiReplay in only one of them, or turn on one of them for each route";
    for (name, other, is_warned) in [
        ("both on", second(""), true),
        ("one off", second("disabled: true,"), false),
        ("another memory", second("").replace("vm_id: one", "vm_id: two"), false),
        ("another token", second("").replace("X-Token", "X-Second"), false),
        ("the same name", second("").replace("X-Token", "x-token"), true),
        ("no protection", second("").replace("preventJtiReplay: true", "preventJtiReplay: false"), false),
    ] {
        let file = chain(&[vec![first(), other], guards().to_vec()].concat());
        let expected = if is_warned { vec![warned.to_owned()] } else { vec![] };
        assert_eq!(said(&file), (0, vec![], expected), "{name}");
    }
}

/// The examples have the guard that `check` expects. Here it is removed.
#[test]
fn an_example_without_its_guard_gets_a_warning() {
    let text = std::fs::read_to_string(repository("envoy/envoy.yaml")).unwrap();
    let (before, rest) = text.split_once("          - name: jwt-auth-guard\n").unwrap();
    let (_, router) = rest.split_once("          - name: envoy.filters.http.router\n").unwrap();
    let without = format!("{before}          - name: envoy.filters.http.router\n{router}");
    let (status, errors, warnings) = said(&without);
    assert_eq!((status, errors, warnings.len()), (0, vec![], 1));
    assert!(warnings[0].ends_with(NO_GUARD), "{warnings:?}");
    let (status, errors, warnings) = said(&text);
    assert_eq!(json!([status, errors, warnings]), json!([0, [], []]));
}
