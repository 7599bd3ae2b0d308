//! The CPU time of a process.

use std::fs;

/// The CPU time of all threads of a process so far, in nanoseconds.
pub(crate) fn of(process: u32) -> Result<u64, String> {
    let folder = format!("/proc/{process}/task");
    let tasks = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    let spent = |task: std::io::Result<fs::DirEntry>| -> Option<u64> {
        fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    Ok(tasks.filter_map(spent).sum())
}
