//! Names of parameters: which names a parser reads as the target, and what the filter does with them.

use std::collections::BTreeMap;

use jwt_auth::Plugin;
use properties::world;
use serde_json::json;

use crate::ask::{Answers, Found, Question, ask};
use crate::generate::{Chance, encoded, names};

const SEED: u64 = 7519;

/// Targets: plain names, names that PHP changes, a member of an object, and names that need percent-encoding.
const TARGETS: [&str; 8] = ["userId", "user_id", "user.id", "user id", "user[id]", "a+b", "é", "a;b"];

/// The number of random names for each target.
const NAMES_EACH: usize = 300;

/// A name at a position among the client's parameters.
struct Case {
    target: &'static str,
    name: Vec<u8>,
    is_first: bool,
}

impl Case {
    /// The client's parameters.
    fn text(&self) -> Vec<u8> {
        let front: &[u8] = if self.is_first { b"" } else { b"k=1&" };
        [front, &self.name, b"=forged&x=1"].concat()
    }

    fn own(&self) -> String {
        format!("{}=ours", encoded(self.target))
    }

    fn question(&self, text: Vec<u8>) -> Question {
        Question { text, own: self.own() }
    }

    fn shown(&self) -> String {
        format!("{} for {}{}", self.name.escape_ascii(), self.target, if self.is_first { "" } else { ", not first" })
    }
}

/// A plugin that maps a claim to the target, and a token with the claim.
struct Filter {
    plugin: Plugin,
    token: String,
}

impl Filter {
    fn new(target: &str) -> Self {
        let plugin = world::plugin(json!({
            "parameter": "X-Token", "parameterLocation": "header", "bypassEmptyToken": true,
            "claimParameters": [
                {"claimName": "v", "parameterName": target, "location": "query"},
                {"claimName": "v", "parameterName": target, "location": "formData"},
            ],
        }));
        Self { plugin, token: world::token(&json!({"v": "ours"})).unwrap() }
    }

    /// The parameters that a backend gets for these. They must be the same in a query and in a form.
    fn forwards(&self, text: &[u8], has_claim: bool) -> Vec<u8> {
        let mut headers = vec![
            (":path".to_owned(), [b"/p?", text].concat()),
            ("content-type".to_owned(), b"application/x-www-form-urlencoded".to_vec()),
        ];
        if has_claim {
            headers.push(("x-token".to_owned(), self.token.clone().into_bytes()));
        }
        let edits = world::decide(&self.plugin, &headers, true).unwrap();
        let query = edits.path.map_or_else(|| text.to_vec(), |path| path[b"/p?".len()..].to_vec());
        let form = edits.form.unwrap().rewrite(text);
        assert_eq!(form.escape_ascii().to_string(), query.escape_ascii().to_string(), "form and query");
        query
    }
}

fn cases(targets: &[&'static str], names_each: usize) -> Vec<Case> {
    let mut chance = Chance(SEED);
    let each = targets.iter().flat_map(|&target| {
        let names = names(target, names_each, &mut chance);
        names.into_iter().map(move |name| Case { target, name, is_first: true })
    });
    let mut cases: Vec<Case> = each.collect();
    let later: Vec<_> = cases
        .iter()
        .filter(|case| case.name.len() % 4 == 0 || case.name.contains(&b'?'))
        .map(|case| Case { is_first: false, name: case.name.clone(), ..*case })
        .collect();
    cases.extend(later);
    cases
}

/// How the parsers read the name of a case.
struct Verdict {
    /// The parsers that read it as the target, or that lose the filter's own value because of it.
    takers: Vec<String>,
    /// Whether all parsers could read the parameters. A parser that rejects them says nothing about the name.
    is_sure: bool,
}

fn verdicts(cases: &[Case]) -> Vec<Verdict> {
    let questions = |case: &Case| {
        let alone = case.text();
        let beside = [alone.as_slice(), b"&", case.own().as_bytes()].concat();
        [case.question(alone), case.question(beside)]
    };
    let answers = ask(&cases.iter().flat_map(questions).collect::<Vec<_>>());
    let is_taken = |alone: Found, beside: Found| {
        !matches!(alone, Found::Absent | Found::Rejected) || !matches!(beside, Found::Ours | Found::Rejected)
    };
    let verdict = |pair: &[Answers]| {
        let both = pair[0].iter().zip(pair[1].values());
        let takers = both.filter(|((_, alone), beside)| is_taken(**alone, **beside));
        let takers = takers.map(|((name, _), _)| name.clone()).collect();
        let is_sure = pair.iter().flat_map(Answers::values).all(|found| *found != Found::Rejected);
        Verdict { takers, is_sure }
    };
    answers.chunks(2).map(verdict).collect()
}

#[test]
fn no_parser_reads_the_clients_value_as_the_claim_and_all_other_names_stay() {
    let cases = cases(&TARGETS, NAMES_EACH);
    let verdicts = verdicts(&cases);
    let filters: BTreeMap<_, _> = TARGETS.iter().map(|&target| (target, Filter::new(target))).collect();
    let (mut wrong, mut questions, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for (case, verdict) in cases.iter().zip(&verdicts) {
        let (text, filter) = (case.text(), &filters[case.target]);
        let edited = [filter.forwards(&text, false), filter.forwards(&text, true)];
        let own = case.own();
        let is_kept = edited[0] == text && edited[1] == [text.as_slice(), b"&", own.as_bytes()].concat();
        let rest: &[u8] = if case.is_first { b"x=1" } else { b"k=1&x=1" };
        let is_removed = edited[0] == rest && edited[1] == [rest, b"&", own.as_bytes()].concat();
        // A member of an object is removed with the rest of the object.
        let is_compound = case.target.contains(['.', '[']);
        // For a name with separators in it, only the check of the edited parameters below counts.
        let is_one = !case.name.iter().any(|byte| b";\xa6".contains(byte));
        match verdict.takers.first() {
            None if !is_kept && verdict.is_sure && is_one && !is_compound => {
                wrong.push(format!("{}: removed, but no parser reads it as the target", case.shown()));
            }
            Some(_) if !is_removed && is_one => {
                wrong.push(format!(
                    "{}: not removed, but read as the target by {}",
                    case.shown(),
                    verdict.takers.join(", ")
                ));
            }
            _ => {}
        }
        for (edited, expected) in edited.into_iter().zip([Found::Absent, Found::Ours]) {
            questions.push(case.question(edited));
            asked.push((case, expected));
        }
    }
    let answers = ask(&questions);
    let parsers = answers.first().map_or(0, Answers::len);
    for ((case, expected), answers) in asked.iter().zip(answers) {
        for (reader, found) in answers.iter().filter(|(_, found)| ![*expected, Found::Rejected].contains(found)) {
            wrong.push(format!("{}: {reader} finds {found:?}, expected {expected:?}", case.shown()));
        }
    }
    let taken = verdicts.iter().filter(|verdict| !verdict.takers.is_empty()).count();
    println!(
        "seed {SEED}: {} names for {} targets, {parsers} parsers; {taken} read as the target by some, {} by none; {} wrong",
        cases.len(),
        TARGETS.len(),
        cases.len() - taken,
        wrong.len(),
    );
    let shown: Vec<_> = wrong.iter().step_by((wrong.len() / 60).max(1)).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} wrong, among them:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn what_any_parser_reads_as_the_tokens_name_counts_as_a_token() {
    let target = "access_token";
    let cases = cases(&[target], 600);
    let plugin = |forward: bool| {
        world::plugin(json!({"parameter": target, "parameterLocation": "query", "forwardToken": forward}))
    };
    let (plugin, hiding) = (plugin(true), plugin(false));
    let [token, other] = ["a", "b"].map(|sub| world::token(&json!({"sub": sub})).unwrap());
    let decide = |plugin: &Plugin, query: &[u8]| {
        world::decide(plugin, &vec![(":path".to_owned(), [b"/p?", query].concat())], false)
    };
    let code = |query: &[u8]| decide(&plugin, query).map_or_else(|rejected| rejected.code(), |_| "passes");
    let verdicts = verdicts(&cases);
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for (case, verdict) in cases.iter().zip(&verdicts) {
        let of = |token: &str| [case.name.as_slice(), b"=", token.as_bytes()].concat();
        let front: &[u8] = if case.is_first { b"" } else { b"k=1&" };
        let alone = [front, &of(&token)].concat();
        let both = [front, &of(&other), b"&", target.as_bytes(), b"=", token.as_bytes()].concat();
        let same = [front, &of(&token), b"&", target.as_bytes(), b"=", token.as_bytes()].concat();
        let found = [code(&alone), code(&both), code(&same)];
        let left = decide(&hiding, &same).map(|edits| edits.path.unwrap_or_default()).unwrap_or_default();
        let has_separator = case.name.iter().any(|byte| b"=;\xa6".contains(byte));
        let is_right = match verdict.takers.is_empty() {
            // A name with a separator in it may change the value of the token, which is then rejected.
            _ if has_separator => verdict.takers.is_empty() || (found[0] != "I400JR" && found[1] == "A403JT"),
            false => found == ["passes", "A403JT", "passes"] && left == [b"/p?", front].concat().trim_end(),
            true => found == ["I400JR", "passes", "passes"] || !verdict.is_sure,
        };
        taken += usize::from(!verdict.takers.is_empty());
        if !is_right {
            let readers = verdict.takers.join(", ");
            wrong.push(format!("{}: {found:?}, leaves {}; read by {readers}", case.shown(), left.escape_ascii()));
        }
    }
    println!(
        "seed {SEED}: {} names for a token, {taken} read as its by some parser; {} wrong",
        cases.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} wrong, among them:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

trait Trim {
    fn trim_end(&self) -> &[u8];
}

impl Trim for Vec<u8> {
    /// The target without a `?` or `&` at its end.
    fn trim_end(&self) -> &[u8] {
        self.strip_suffix(b"&").or_else(|| self.strip_suffix(b"?")).unwrap_or(self)
    }
}
