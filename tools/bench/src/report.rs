//! The report: a table on stdout, `report.md`, `report.json` with every number, and `report.svg`.

mod jti_store;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::measure::{Results, Row};
use crate::memory::Memory;
use crate::plot;
use crate::settings::Settings;
use crate::target::{self, Verdict};

/// Writes the report into its folder.
pub(crate) fn write(settings: &Settings, results: &Results) -> Result<(), String> {
    let verdicts = target::verdicts(results);
    let machine = machine(settings);
    let markdown = markdown(&machine, results, &verdicts);
    let json = json!({
        "machine": machine,
        "turns": settings.turns,
        "unit": "CPU microseconds of Envoy for a request",
        "variants": results.rows.iter().map(|row| json!({
            "name": row.variant.name,
            "label": row.variant.label,
            "requests_per_turn": row.variant.requests,
            "status": row.variant.status,
            "median": row.median(),
            "turns": row.micros,
        })).collect::<Vec<_>>(),
        "targets": verdicts,
        "memory": results.memory,
        "replay_store": results.store,
        "jti_store": jti_store::json(&results.jti_store),
    });
    print!("{markdown}");
    if let Some(readme) = &settings.readme {
        let page = fs::read_to_string(readme).map_err(|error| format!("{}: {error}", readme.display()))?;
        fs::write(readme, with_rows(&page, &markdown)).map_err(|error| format!("{}: {error}", readme.display()))?;
    }
    let files =
        [("report.md", markdown), ("report.json", format!("{json:#}\n")), ("report.svg", plot::svg(&results.rows))];
    for (name, text) in files {
        let path = settings.out.join(name);
        fs::create_dir_all(&settings.out)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The page, with each table line of a variant replaced by the line of the report.
fn with_rows(page: &str, report: &str) -> String {
    let label = |line: &str| Some(line.strip_prefix("| ")?.split_once(" | ")?.0.to_owned());
    let row_for = |line: &str| {
        let wanted = label(line)?;
        report.lines().find(|row| label(row).as_ref() == Some(&wanted))
    };
    page.split_inclusive('\n')
        .map(|line| row_for(line).map_or_else(|| line.to_owned(), |row| format!("{row}\n")))
        .collect()
}

/// The machine and the versions of the run.
fn machine(settings: &Settings) -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let envoy = Command::new(&settings.envoy).arg("--version").output();
    let envoy = envoy.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = envoy.split('/').find(|part| part.split('.').count() == 3).unwrap_or("unknown");
    json!({
        "cpu": model,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": kernel.trim(),
        "envoy": version.trim_start_matches("envoy-"),
        "filter": env!("CARGO_PKG_VERSION"),
    })
}

fn markdown(machine: &Value, results: &Results, verdicts: &[Verdict]) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or_default().to_owned();
    let mut page = format!(
        "CPU time of Envoy {} for a request, one worker, medians of turns in one run; {}, {} cores, Linux {}.\n",
        text("envoy"),
        text("cpu"),
        machine["cores"],
        text("kernel"),
    );
    if !results.rows.is_empty() {
        page.push_str(&costs(&results.rows));
    }
    page.push_str("\n| target, by the median of the ratios of each turn | measured | |\n|---|---:|---|\n");
    for Verdict { target, measured, met, .. } in verdicts {
        let _ = writeln!(page, "| {target} | {measured:.2} | {} |", if *met { "met" } else { "**not met**" });
    }
    if let Some(memory) = &results.memory {
        page.push_str(&in_memory(memory));
    }
    if let Some(store) = &results.store {
        let _ = writeln!(page, "| the replay store, however full | {} |", mib(store.fixed.max(0.0) as u64));
        let _ = writeln!(page, "| each live `jti` adds | {:.0} bytes |", store.bytes_per_jti);
    }
    page.push_str(&jti_store::markdown(&results.jti_store));
    page
}

/// A row for each variant.
fn costs(rows: &[Row]) -> String {
    let mut page = "\n| | µs | least to most | against no filter |\n|---|---:|---:|---:|\n".to_owned();
    let none = rows.iter().find(|row| row.variant.name == "none").map(|row| row.median());
    for row in rows {
        let (least, most) = (row.least(), row.most());
        let ratio = none.map_or_else(String::new, |none| format!("{:.2}", row.median() / none));
        let label = row.variant.label;
        let _ = writeln!(page, "| {label} | {:.1} | {least:.1} to {most:.1} | {ratio} |", row.median());
    }
    page
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}

fn in_memory(memory: &Memory) -> String {
    let rows = [
        ("Envoy with one worker, without a filter", mib(memory.envoy)),
        ("with jwt-auth loaded", mib(memory.loaded)),
        ("with its token cache full", mib(memory.full)),
        ("another worker, its cache full, adds", mib(memory.another_worker)),
        ("the module", mib(memory.module)),
        ("another VM of it adds to Envoy's start", format!("{:.0} ms", memory.start_millis)),
    ];
    let rows: String = rows.iter().map(|(label, value)| format!("| {label} | {value} |\n")).collect();
    format!("\n| memory and start | |\n|---|---:|\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::with_rows;

    #[test]
    fn the_lines_of_variants_are_replaced_and_all_others_stay() {
        let page = "# Page\n\n| | µs |\n|---|---:|\n| one token | 1.0 |\n| other | x |\nend";
        let report = "text\n| many tokens | 3.0 |\n| one token | 2.0 |\n";
        assert_eq!(with_rows(page, report), "# Page\n\n| | µs |\n|---|---:|\n| one token | 2.0 |\n| other | x |\nend");
    }
}
