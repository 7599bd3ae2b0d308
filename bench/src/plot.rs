//! The plot: a bar for each variant that has an opponent, beside the opponent's.

use std::fmt::Write as _;

use crate::measure::Row;

/// What is drawn: names of variants in groups.
const GROUPS: [(&str, &[&str]); 4] = [
    ("CPU microseconds of Envoy for a request: without a filter, and with an empty one", &["none", "noop"]),
    ("one token", &["native-same", "same"]),
    ("many tokens, each verified", &["native", "many", "replay-off", "replay-few", "replay-many"]),
    ("refused", &["native-bad", "bad", "native-expired", "expired", "native-missing", "missing"]),
];

const WIDTH: f64 = 860.0;
const LEFT: f64 = 380.0;
const RIGHT: f64 = 70.0;
const BAR: f64 = 18.0;
const LINE: f64 = 24.0;
const TITLE: f64 = 34.0;

fn class(variant: &str) -> &'static str {
    match variant {
        "none" | "noop" => "plain",
        _ if variant.starts_with("native") => "native",
        _ => "ours",
    }
}

/// An SVG picture that reads on a light and on a dark page.
pub(crate) fn svg(rows: &[Row]) -> String {
    let find = |name: &str| rows.iter().find(|row| row.variant.name == name);
    let longest =
        GROUPS.iter().flat_map(|(_, names)| *names).filter_map(|name| find(name)).map(Row::median).fold(1.0, f64::max);
    let mut body = String::new();
    let mut y = 10.0;
    for (title, names) in GROUPS {
        let found: Vec<&Row> = names.iter().filter_map(|name| find(name)).collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(body, r#"<text class="title" x="10" y="{}">{title}</text>"#, y + 18.0);
        y += TITLE;
        for row in found {
            let length = row.median() / longest * (WIDTH - LEFT - RIGHT);
            let class = class(row.variant.name);
            let middle = y + BAR - 4.0;
            let _ =
                writeln!(body, r#"<text class="label" x="{}" y="{middle}">{}</text>"#, LEFT - 8.0, row.variant.label);
            let _ = writeln!(
                body,
                r#"<rect class="{class}" x="{LEFT}" y="{y}" width="{length:.1}" height="{BAR}" rx="2"/>"#
            );
            let _ = writeln!(body, r#"<text x="{:.1}" y="{middle}">{:.1}</text>"#, LEFT + length + 6.0, row.median());
            y += LINE;
        }
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">
<title>CPU microseconds of Envoy for a request</title>
<style>
text {{ fill: #24292f }} .label {{ text-anchor: end }} .title {{ font-weight: bold }}
.plain {{ fill: #c9d1d9 }} .native {{ fill: #8b949e }} .ours {{ fill: #2f6feb }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}
</style>
{body}</svg>
"#,
        height = y + 10.0,
    )
}
