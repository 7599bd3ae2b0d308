//! The plot: a bar for each row of the README's table, with its lowest and highest turn.

use std::fmt::Write as _;

use crate::measure::Row;

/// The variants in the plot and in the README's table, in groups. `tests/examples/` compares the two.
const GROUPS: [(&str, &[&str]); 5] = [
    ("without authentication", &["none", "noop"]),
    ("one token, sent again and again", &["native-same", "same", "same-guard"]),
    ("a new token in each request, RS256", &["native", "many", "native-large", "large", "replay-many"]),
    ("a new token in each request, ES256", &["native-es256", "es256"]),
    ("a new token in each request, PS256", &["native-ps256", "ps256"]),
];

/// The CSS class of a bar, and its meaning.
const LEGEND: [(&str, &str); 3] =
    [("plain", "no authentication"), ("native", "jwt_authn (native)"), ("ours", "jwt-auth")];

const WIDTH: f64 = 860.0;
const LEFT: f64 = 380.0;
const RIGHT: f64 = 70.0;
const BAR: f64 = 18.0;
const LINE: f64 = 24.0;
const TITLE: f64 = 34.0;
const LEGEND_WIDTH: f64 = 170.0;
const HEAD: f64 = 64.0;

fn class(variant: &str) -> &'static str {
    match variant {
        "none" | "noop" => "plain",
        _ if variant.starts_with("native") => "native",
        _ => "ours",
    }
}

/// An SVG picture for light and dark pages.
pub(crate) fn svg(rows: &[Row]) -> String {
    let groups = GROUPS.map(|(title, names)| {
        let find = |name: &&str| rows.iter().find(|row| row.variant.name == *name);
        (title, names.iter().filter_map(find).collect::<Vec<&Row>>())
    });
    let longest = groups.iter().flat_map(|(_, rows)| rows).map(|row| row.most()).fold(1.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
    let mut body = legend();
    let mut y = HEAD;
    for (title, rows) in groups.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        let _ = writeln!(body, r#"<text class="title" x="10" y="{}">{title}</text>"#, y + 18.0);
        y += TITLE;
        for row in rows {
            body.push_str(&bar(row, y, scale));
            y += LINE;
        }
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">
<title>CPU microseconds of Envoy for a request</title>
<style>
text {{ fill: #24292f }} .label {{ text-anchor: end }} .title {{ font-weight: bold }}
.plain {{ fill: #c9d1d9 }} .native {{ fill: #8b949e }} .ours {{ fill: #2f6feb }} .spread {{ stroke: #24292f; fill: none }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .spread {{ stroke: #e6edf3 }} }}
</style>
{body}</svg>
"#,
        height = y + 10.0,
    )
}

fn legend() -> String {
    let mut legend =
        r#"<text class="title" x="10" y="20">CPU microseconds of Envoy for a request, median of the turns</text>"#
            .to_owned()
            + "\n";
    let mut x = 10.0;
    for (class, meaning) in LEGEND {
        let _ = writeln!(legend, r#"<rect class="{class}" x="{x}" y="32" width="14" height="14" rx="2"/>"#);
        let _ = writeln!(legend, r#"<text x="{}" y="44">{meaning}</text>"#, x + 20.0);
        x += LEGEND_WIDTH;
    }
    legend.push_str(&spread(x, x + 30.0, 39.0));
    let _ = writeln!(legend, r#"<text x="{}" y="44">least to most</text>"#, x + 36.0);
    legend
}

fn bar(row: &Row, y: f64, scale: f64) -> String {
    let (class, label, median) = (class(row.variant.name), row.variant.label, row.median());
    let (text_y, width, from, to) = (y + BAR - 4.0, median * scale, row.least() * scale, row.most() * scale);
    let mut bar = format!(r#"<text class="label" x="{}" y="{text_y}">{label}</text>"#, LEFT - 8.0) + "\n";
    let _ = writeln!(bar, r#"<rect class="{class}" x="{LEFT}" y="{y}" width="{width:.1}" height="{BAR}" rx="2"/>"#);
    bar.push_str(&spread(LEFT + from, LEFT + to, y + BAR / 2.0));
    let _ = writeln!(bar, r#"<text x="{:.1}" y="{text_y}">{median:.1}</text>"#, LEFT + to + 6.0);
    bar
}

/// A line between two ticks.
fn spread(from: f64, to: f64, y: f64) -> String {
    let (top, bottom) = (y - 4.0, y + 4.0);
    format!(r#"<path class="spread" d="M{from:.1} {top}V{bottom}M{from:.1} {y}H{to:.1}M{to:.1} {top}V{bottom}"/>"#)
        + "\n"
}
