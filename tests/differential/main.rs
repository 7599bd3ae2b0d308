//! Compares the filter with two independent libraries. `cases.json` has thousands of tokens, valid ones and ones with
//! errors of many kinds, with the verdicts of jwcrypto and joserfc. When the filter disagrees, [`explained`] must have
//! the reason.

mod explained;

use std::collections::{BTreeMap, HashMap};

use jwt_auth::{Plugin, Rejection};
use kit::host::{self, Memory};
use serde_json::{Value, json};

/// A token and the key that is configured.
pub(crate) struct Case {
    pub(crate) label: String,
    pub(crate) token: String,
    pub(crate) jwk: Value,
}

/// The result for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Passes,
    Expired,
    /// Rejected for any reason except `exp`.
    Rejected,
}

impl Verdict {
    /// The verdict for a letter in `cases.json`.
    fn of(letter: char) -> Self {
        match letter {
            'p' => Self::Passes,
            'e' => Self::Expired,
            'r' | 'x' => Self::Rejected,
            _ => panic!("no verdict: {letter}"),
        }
    }
}

/// The filter's verdict, and the code of a rejection.
fn judge(plugin: &Plugin, token: &str, now: f64) -> (Verdict, &'static str) {
    // A query can carry any byte.
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let target = format!("/p?t={encoded}");
    let headers = vec![(":path".to_owned(), target.into_bytes())];
    match host::decide(plugin, &headers, false, now, &Memory::default()) {
        Ok(_) => (Verdict::Passes, "pass"),
        Err(rejection @ Rejection::Expired { .. }) => (Verdict::Expired, rejection.code()),
        Err(rejection) => (Verdict::Rejected, rejection.code()),
    }
}

#[test]
fn the_filter_and_two_libraries_agree_on_thousands_of_tokens_except_for_known_reasons() {
    let file: Value = serde_json::from_str(include_str!("cases.json")).unwrap();
    let (keys, options, now) = (&file["keys"], &file["options"], file["now"].as_f64().unwrap());
    let libraries: Vec<&str> =
        file["libraries"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let mut plugins: HashMap<(usize, usize), Plugin> = HashMap::new();
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, usize> = explained::REASONS.iter().map(|reason| (reason.text, 0)).collect();
    let (mut agreements, mut failures) = (0, Vec::new());
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let number = |index: usize| usize::try_from(case[index].as_u64().unwrap()).unwrap();
        let text = |index: usize| case[index].as_str().unwrap().to_owned();
        let (key, option) = (number(0), number(1));
        let plugin = plugins.entry((key, option)).or_insert_with(|| {
            let mut configuration = options[option].clone();
            configuration["parameter"] = "t".into();
            configuration["parameterLocation"] = "query".into();
            configuration["jwk"] = keys[key].clone();
            Plugin::new(configuration.to_string().as_bytes(), b"")
        });
        assert_eq!(plugin.faults(), None, "{}", json!(keys[key]));
        let case = Case { label: text(3), token: text(4), jwk: keys[key].clone() };
        let (verdict, code) = judge(plugin, &case.token, now);
        *verdicts.entry(verdict).or_default() += 1;
        for (library, letter) in libraries.iter().zip(text(2).chars()) {
            let said = Verdict::of(letter);
            if said == verdict {
                agreements += 1;
                continue;
            }
            match explained::why(&case, library, said, verdict) {
                Some(reason) => *reasons.get_mut(reason).unwrap() += 1,
                None => {
                    failures.push(format!("{}: {code}, {library} {letter}: {} {}", case.label, case.token, case.jwk))
                }
            }
        }
    }
    println!("{} cases: {verdicts:?}; {agreements} agreements with {}", cases.len(), libraries.join(" and "));
    for (reason, count) in &reasons {
        println!("{count:5} explained: {reason}");
    }
    assert!(failures.is_empty(), "{} disagreements:\n{}", failures.len(), failures.join("\n"));
    let unused: Vec<_> = reasons.iter().filter(|(_, count)| **count == 0).map(|(reason, _)| reason).collect();
    assert!(unused.is_empty(), "these reasons apply to no disagreement: {unused:?}");
}
