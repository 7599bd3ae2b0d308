//! Tests each limit of a document: at the limit, and one above it.

use crate::config::Config;
use crate::document::value::MAX_EXPANDED_BYTES;
use crate::document::{MAX_BYTES, MAX_DIRECTIVES, MAX_LEVELS, MAX_MARKS};

const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";

fn faults_of(configuration: &[u8]) -> Vec<String> {
    match Config::parse(configuration) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults().iter().map(ToString::to_string).collect(),
    }
}

/// The errors of a valid document to which `rest` is added.
fn faults_with(rest: &str) -> Vec<String> {
    faults_of(format!("parameter: X-Token\njwk: {KEY}\n{rest}").as_bytes())
}

/// The errors of a valid document whose key has an ignored member with this value.
fn faults_with_member(value: &str) -> Vec<String> {
    faults_of(format!("parameter: X-Token\njwk: {{kty: oct, k: {}, x: {value}}}", "A".repeat(43)).as_bytes())
}

fn is_one_that_says(faults: &[String], words: &str) -> bool {
    faults.len() == 1 && faults[0].contains(words)
}

#[test]
fn a_document_has_at_most_one_mebibyte() {
    let text = format!("parameter: X-Token\njwk: {KEY}\n#");
    let of_length = |length: usize| format!("{text}{}", "x".repeat(length - text.len()));
    assert_eq!(faults_of(of_length(MAX_BYTES).as_bytes()), Vec::<String>::new());
    let expected = "expected at most 1048576 bytes, found 1048577";
    assert_eq!(faults_of(of_length(MAX_BYTES + 1).as_bytes()), [expected]);
}

#[test]
fn a_parameter_name_has_at_most_256_bytes() {
    for location in ["header", "query", "path", "formData"] {
        let name = |length: usize| "n".repeat(length);
        let mapping = |name: &str| {
            let path = if location == "path" { format!("\nbackendPath: /{{{name}}}") } else { String::new() };
            format!("claimParameters: [{{claimName: sub, parameterName: {name}, location: {location}}}]{path}")
        };
        assert_eq!(faults_with(&mapping(&name(256))), Vec::<String>::new(), "{location}");
        let expected = "claimParameters[0].parameterName: expected at most 256 bytes, found 257";
        assert_eq!(faults_with(&mapping(&name(257))), [expected], "{location}");
    }
    let token = |length: usize| faults_of(format!("parameter: {}\njwk: {KEY}", "n".repeat(length)).as_bytes());
    assert_eq!(token(256), Vec::<String>::new());
    assert_eq!(token(257), ["parameter: expected at most 256 bytes, found 257"]);
}

#[test]
fn a_document_has_at_most_64_levels() {
    let lists = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    // The document and the key are two levels.
    assert_eq!(faults_with_member(&lists(MAX_LEVELS as usize - 2)), Vec::<String>::new());
    for levels in [MAX_LEVELS as usize - 1, 120, 200, 100_000] {
        let faults = faults_with_member(&lists(levels));
        assert!(is_one_that_says(&faults, "expected at most 64 levels"), "{levels}: {faults:?}");
    }
    let maps = |levels: usize| format!("{}1{}", "{a: ".repeat(levels), "}".repeat(levels));
    assert_eq!(faults_with_member(&maps(MAX_LEVELS as usize - 2)), Vec::<String>::new());
    let dashes = |levels: usize| format!("x:\n {}1", "- ".repeat(levels));
    assert_eq!(faults_with(&dashes(MAX_LEVELS as usize - 1)), ["x: unknown field"]);
    for text in [dashes(MAX_LEVELS as usize), format!("x: {}", maps(100)), "{a: ".repeat(200_000)] {
        let faults = faults_with(&text);
        assert!(is_one_that_says(&faults, "expected at most 64 levels"), "{:.20}: {faults:?}", text);
    }
}

#[test]
fn a_document_has_at_most_a_hundred_thousand_marks() {
    let text = |marks: usize| "\n".repeat(marks - 9);
    assert_eq!(faults_with(&text(MAX_MARKS)), Vec::<String>::new());
    let words = "lines, commas, colons, dashes and brackets, found 100001";
    let faults = faults_with(&text(MAX_MARKS + 1));
    assert!(is_one_that_says(&faults, words), "{faults:?}");
}

#[test]
fn a_document_has_at_most_sixteen_directives() {
    let text = |directives: usize| {
        let directives: String = (0..directives).map(|number| format!("%TAG !{number}! tag:x,\n")).collect();
        format!("{directives}---\nparameter: X-Token\njwk: {KEY}")
    };
    assert_eq!(faults_of(text(MAX_DIRECTIVES).as_bytes()), Vec::<String>::new());
    let expected = "expected at most 16 lines that begin with %, found 17";
    assert_eq!(faults_of(text(MAX_DIRECTIVES + 1).as_bytes()), [expected]);
}

#[test]
fn aliases_expand_to_at_most_four_mebibytes() {
    let aliases = |count: usize, bytes: usize| {
        let aliases = "*a,".repeat(count);
        faults_with_member(&format!("[&a {}, {aliases}]", "x".repeat(bytes)))
    };
    // Each of the 1 + 99 values counts 16 bytes more than its text; the rest of the document counts about 300.
    let most = MAX_EXPANDED_BYTES / 100 - 20;
    assert_eq!(aliases(99, most), Vec::<String>::new());
    let words = "expected at most 4194304 bytes of values, aliases expanded";
    for (count, bytes) in [(99, most + 20), (100, most), (30_000, 10_000), (30_000, 130)] {
        let faults = aliases(count, bytes);
        assert!(is_one_that_says(&faults, words), "{count} of {bytes}: {faults:?}");
    }
    let mut laughs = "- &a0 [1, 1, 1, 1]\n".to_owned();
    for level in 1..20 {
        laughs.push_str(&format!("- &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(9)));
    }
    let faults = faults_of(laughs.as_bytes());
    assert!(is_one_that_says(&faults, words), "{faults:?}");
}

#[test]
fn lists_mappings_and_keys_are_limited() {
    let list = |entry: &dyn Fn(usize) -> String, count: usize| (0..count).map(entry).collect::<Vec<_>>().join(",");
    let claims = |count| {
        let entry = |number| format!("{{claimName: c, parameterName: p{number}, location: query}}");
        faults_with(&format!("claimParameters: [{}]", list(&entry, count)))
    };
    assert_eq!(claims(256), Vec::<String>::new());
    assert_eq!(claims(257), ["claimParameters: expected at most 256 elements, found 257"]);
    let keys = |jwk: &str, count| {
        let key = |number| KEY.replace('}', &format!(", kid: k{number}}}"));
        faults_of(format!("parameter: t\n{jwk}jwks: [{}]", list(&key, count)).as_bytes())
    };
    assert_eq!(keys("", 100), Vec::<String>::new());
    assert_eq!(keys("", 101), ["jwks: expected at most 100 elements, found 101"]);
    let one = format!("jwk: {KEY}\n");
    assert_eq!(keys(&one, 99), Vec::<String>::new());
    assert_eq!(keys(&one, 100), ["jwks: expected at most 99 elements, found 100"]);
    for field in ["issuer", "audiences"] {
        let names = |count| faults_with(&format!("{field}: [{}]", list(&|number| format!("n{number}"), count)));
        assert_eq!(names(1000), Vec::<String>::new());
        assert_eq!(names(1001), [format!("{field}: expected at most 1000 elements, found 1001")]);
    }
}

#[test]
fn a_hundred_errors_are_listed_and_the_others_counted() {
    let fields = |count: usize| (0..count).map(|number| format!("f{number}: 1\n")).collect::<String>();
    assert_eq!(faults_with(&fields(100)).len(), 100);
    let faults = faults_with(&fields(101));
    assert_eq!(
        (faults.len(), faults[99].as_str(), faults[100].as_str()),
        (101, "f99: unknown field", "1 more errors, not listed")
    );
}

/// Documents that would be slow or use much memory in libyaml. Without the limits, this test takes minutes.
#[test]
fn no_document_is_slow() {
    const BYTES: usize = 64 << 10;
    let fill = |part: &str| part.repeat(BYTES / part.len());
    let numbered = |part: &dyn Fn(usize) -> String| (0..BYTES / 8).map(part).collect::<String>();
    let aliases = format!("a: &a [{}]\nb: [{}]", "1,".repeat(20_000), "*a,".repeat(20_000));
    let documents = [
        fill("["),
        fill("{a: "),
        fill("[\n"),
        fill("{\"a\":\n"),
        fill("- "),
        fill("? "),
        fill("-\n"),
        fill("[],"),
        fill("{},"),
        fill("1,"),
        fill("a: 1\n"),
        fill("# [\n"),
        fill("'[' "),
        fill("--- a\n"),
        fill("!a "),
        fill("&a "),
        fill("\u{85}"),
        fill("\u{feff}"),
        fill("a"),
        fill("\"\\"),
        format!("|\n{}", fill(" a\n")),
        format!("[{}]", numbered(&|number| format!("&a{number} 1,"))),
        numbered(&|number| format!("%TAG !a{number}! a\n")),
        numbered(&|number| format!("k{number}: 1\n")),
        format!("[{}]", "[".repeat(120) + &"1,".repeat(40_000)),
        aliases,
    ];
    for document in documents {
        let faults = faults_of(document.as_bytes());
        assert!((1..=101).contains(&faults.len()), "{:.20}: {}", document, faults.len());
    }
}
