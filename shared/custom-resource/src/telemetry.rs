//! The log: one JSON object a line, with the request that it is about, and without anything that others could use.

use tracing::{Level, Metadata};
use tracing_subscriber::{
    filter::{FilterFn, LevelFilter, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::event::Envelope;

/// Starts the log of a process that serves `R`: lines of JSON, of the crates that `R` comes from and of this one. The
/// level is that of `RUST_LOG`, `info` by default. [`serve`](crate::serve) does it by itself.
pub fn start_log<R>() {
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    // A second start in one process (tests) changes nothing.
    let _ =
        tracing_subscriber::registry().with(lines).with(filter(crates(std::any::type_name::<R>()), level)).try_init();
    // The message of a panic may quote whatever the code was working on; its place can't.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%place, "panicked");
    }));
}

/// Our own crates at `level`, and everything else at `warn` at the most: at lower levels the SDKs and the HTTP client
/// log what they send.
fn filter(ours: Vec<String>, level: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |line| is_wanted(&ours, line.target(), *line.level(), level)).with_max_level_hint(level)
}

fn is_wanted(ours: &[String], target: &str, line: Level, level: LevelFilter) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    line <= level && (line <= Level::WARN || ours.iter().any(|own| own == name))
}

/// The crates that are ours: this one, and those that the served type and its parameters come from.
fn crates(type_name: &str) -> Vec<String> {
    let named = type_name.split(['<', '>', ',', ' ']).filter_map(|path| path.split_once("::")).map(|(name, _)| name);
    named.filter(|name| !name.starts_with("aws_")).chain([env!("CARGO_CRATE_NAME")]).map(ToOwned::to_owned).collect()
}

/// What every line about a request says.
pub(crate) fn span(envelope: &Envelope) -> tracing::Span {
    tracing::span!(
        Level::ERROR,
        "request",
        stack = %envelope.stack_id,
        logical_id = %envelope.logical_resource_id,
        request_id = %envelope.request_id,
        r#type = %envelope.resource_type,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_never_log_below_warn() {
        let ours = crates("policy_statement::Statements<ecr_policy_statement::Ecr<aws_sdk_ecr::Client>>");
        let wanted = |target: &str, line| is_wanted(&ours, target, line, LevelFilter::TRACE);
        for own in ["custom_resource::lifecycle", "policy_statement::statements", "ecr_policy_statement"] {
            assert!(wanted(own, Level::TRACE), "{own}");
        }
        for dependency in ["aws_sdk_ecr", "aws_smithy_runtime", "ecr_policy_statements::x", "Lambda runtime invoke"] {
            assert!(wanted(dependency, Level::WARN), "{dependency}");
            assert!(!wanted(dependency, Level::INFO), "{dependency}");
        }
    }

    #[test]
    fn a_quiet_log_is_quiet_for_all() {
        let ours = crates("a::B");
        for target in ["a", "reqwest"] {
            assert!(!is_wanted(&ours, target, Level::WARN, LevelFilter::ERROR), "{target}");
        }
    }
}
