//! The lines of a log that CloudWatch reads metrics from, read as its specification wants them.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde_json::{Map, Value};

use crate::function::LogLine;

/// Those of the units that functions use.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
const UNITS: [&str; 3] = ["Bytes", "Count", "Milliseconds"];

/// The metrics in a log, a line each; panics where CloudWatch would take a line for something else.
#[must_use]
pub fn metrics(log: &[LogLine]) -> Vec<Value> {
    log.iter().filter(|line| is_metrics(line)).map(|line| well_formed(&line.text)).collect()
}

/// Whether a line means to be one of metrics.
#[must_use]
pub fn is_metrics(line: &LogLine) -> bool {
    line.text.contains("\"_aws\"")
}

fn well_formed(text: &str) -> Value {
    let line: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    if let Some(violation) = violation(&line) {
        panic!("{violation}: {text}");
    }
    line
}

/// What the specification doesn't allow, if anything.
fn violation(line: &Value) -> Option<String> {
    let Some(root) = line.as_object() else { return Some("the root is no object".to_owned()) };
    let metadata = &root["_aws"];
    if !only(metadata, &["Timestamp", "CloudWatchMetrics"]) || !metadata["Timestamp"].is_u64() {
        return Some("_aws is Timestamp, in milliseconds, and CloudWatchMetrics".to_owned());
    }
    let directives = metadata["CloudWatchMetrics"].as_array().filter(|directives| !directives.is_empty());
    let Some(directives) = directives else { return Some("there are no directives".to_owned()) };
    directives.iter().find_map(|directive| violation_in(root, directive))
}

fn violation_in(root: &Map<String, Value>, directive: &Value) -> Option<String> {
    if !only(directive, &["Namespace", "Dimensions", "Metrics"]) {
        return Some(format!("a directive is Namespace, Dimensions and Metrics, and not {directive}"));
    }
    let is_text = |value: &Value, longest| value.as_str().is_some_and(|text| !text.is_empty() && text.len() <= longest);
    if !is_text(&directive["Namespace"], 255) {
        return Some("a namespace has 1 to 255 characters".to_owned());
    }
    let sets = directive["Dimensions"].as_array().filter(|sets| !sets.is_empty());
    let in_set = |set: &Value| {
        let names = set.as_array().filter(|names| !names.is_empty() && names.len() <= 30);
        names.is_some_and(|names| {
            names.iter().all(|name| is_text(name, 250) && is_text(&root[name.as_str().unwrap_or_default()], 1024))
        })
    };
    if !sets.is_some_and(|sets| sets.iter().all(in_set)) {
        return Some("Dimensions is a list of lists of 1 to 30 names of texts in the root".to_owned());
    }
    let metrics = directive["Metrics"].as_array().filter(|metrics| !metrics.is_empty() && metrics.len() <= 100);
    let is_metric = |metric: &Value| {
        only(metric, &["Name", "Unit"])
            && is_text(&metric["Name"], 1024)
            && metric["Unit"].as_str().is_some_and(|unit| UNITS.contains(&unit))
            && root.get(metric["Name"].as_str().unwrap_or_default()).is_some_and(Value::is_number)
    };
    if !metrics.is_some_and(|metrics| metrics.iter().all(is_metric)) {
        return Some("Metrics is a list of 1 to 100 names of numbers in the root, with units".to_owned());
    }
    None
}

/// Whether it is an object of these members and no others.
fn only(value: &Value, members: &[&str]) -> bool {
    value.as_object().is_some_and(|object| {
        object.len() == members.len() && members.iter().all(|member| object.contains_key(*member))
    })
}
