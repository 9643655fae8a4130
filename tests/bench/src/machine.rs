//! Where and when it was measured.

use std::fs;
use std::process::Command;

/// One sentence: processor, kernel, compiler, day.
pub(crate) fn described() -> String {
    // All of them: this process has moved to one.
    let cores = fs::read_to_string("/proc/cpuinfo").unwrap_or_default().matches("processor\t").count();
    let (model, memory) = (line("/proc/cpuinfo", "model name"), line("/proc/meminfo", "MemTotal"));
    let gigabytes = memory.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() >> 20;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {cores} cores, {gigabytes} GiB, {}, Linux {}, {}, load {} at the end, on {}",
        or_unknown(&model),
        std::env::consts::ARCH,
        kernel.trim().split('-').next().unwrap_or_default(),
        output_of(&["rustc", "--version"]).split(" (").next().unwrap_or_default(),
        load.split(' ').next().unwrap_or_default(),
        output_of(&["date", "--utc", "+%Y-%m-%d"]),
    )
}

fn line(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn or_unknown(model: &str) -> &str {
    if model.is_empty() { "unknown processor" } else { model }
}

fn output_of(command: &[&str]) -> String {
    let output = Command::new(command[0]).args(&command[1..]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
