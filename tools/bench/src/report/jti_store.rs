//! The section about `jtiStore`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::jti_store::{NONE, Pressure, Row, Turn};

const HEAD: &str = "
`jtiStore`, a new RS256 token in each request. In parentheses: added to the same filter without `jtiStore`. The trivial
server answers at once with what the engine would say, over the same protocol. The one that answers after 2 ms shows
what the waiting alone costs: Envoy then sleeps and wakes more often, with colder caches.

| | Envoy, µs | least to most | against the trivial server | engine, µs | p50, ms | p99, ms | requests/s | cores of Envoy, engine |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
";

/// The table, or nothing if no row was measured.
pub(super) fn markdown(rows: &[Row]) -> String {
    let mut section = if rows.is_empty() { String::new() } else { HEAD.to_owned() };
    for row in rows {
        let micros = row.turns.iter().map(|turn| turn.micros);
        let (least, most) = (micros.clone().fold(f64::INFINITY, f64::min), micros.fold(0.0, f64::max));
        let cells = [
            format!("{}, {}", row.label, row.pressure),
            with_added(row, rows, 1, |turn| turn.micros),
            format!("{least:.1} to {most:.1}"),
            row.against_bare(rows).map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            shown(row.median(|turn| turn.engine_micros), 1),
            with_added(row, rows, 2, |turn| turn.p50 / 1_000.0),
            with_added(row, rows, 2, |turn| turn.p99 / 1_000.0),
            shown(row.median(|turn| turn.per_second), 0),
            format!(
                "{} {}",
                shown(row.median(|turn| turn.micros * turn.per_second / 1e6), 2),
                shown(row.median(|turn| turn.engine_micros * turn.per_second / 1e6), 2)
            ),
        ];
        let _ = writeln!(section, "| {} |", cells.join(" | "));
    }
    section
}

/// Every number.
pub(super) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let Pressure { workers, connections, requests } = row.pressure;
        json!({
            "name": row.name,
            "label": row.label,
            "workers": workers,
            "connections": connections,
            "requests_per_turn": requests,
            "against_trivial_server": row.against_bare(rows),
            "turns": row.turns,
        })
    };
    rows.iter().map(row).collect()
}

/// The median, and what it is more than without `jtiStore`.
fn with_added(row: &Row, rows: &[Row], digits: usize, value: fn(&Turn) -> f64) -> String {
    let own = shown(row.median(value), digits);
    match row.beside(NONE, rows).filter(|none| none.name != row.name) {
        Some(none) => format!("{own} ({:+.digits$})", row.against(none, value, |own, none| own - none)),
        None => own,
    }
}

/// Nothing if it was not measured.
fn shown(number: f64, digits: usize) -> String {
    if number.is_nan() { String::new() } else { format!("{number:.digits$}") }
}
