//! The log: one JSON object a line, with the request that it is about, and without anything that others could use.

use tracing::Level;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::event::Envelope;

/// Starts the log of a process that serves `R`. The level is that of `RUST_LOG`, `info` by default.
pub(crate) fn start<R>() {
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    // A second start in one process (tests) changes nothing.
    let _ = tracing_subscriber::registry().with(lines).with(targets(std::any::type_name::<R>(), level)).try_init();
    // The message of a panic may quote whatever the code was working on; its place can't.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%place, "panicked");
    }));
}

/// Our own crates at `level`, and everything else at `warn` at the most: at lower levels the SDKs and the HTTP client
/// log what they send. `type_name` names our crates: those that the served type and its parameters come from.
fn targets(type_name: &str, level: LevelFilter) -> Targets {
    let ours = type_name.split(['<', '>', ',', ' ']).filter_map(|path| path.split_once("::")).map(|(name, _)| name);
    let ours = ours.filter(|name| !name.starts_with("aws_"));
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_targets(ours.map(|name| (name.to_owned(), level)))
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
        let targets =
            targets("policy_statement::Statements<ecr_policy_statement::Ecr<aws_sdk_ecr::Client>>", LevelFilter::TRACE);
        assert!(targets.would_enable("custom_resource::lifecycle", &Level::TRACE));
        assert!(targets.would_enable("policy_statement::statements", &Level::TRACE));
        assert!(targets.would_enable("ecr_policy_statement", &Level::TRACE));
        for dependency in ["aws_sdk_ecr", "aws_smithy_runtime", "hyper_util", "reqwest", "Lambda runtime invoke"] {
            assert!(targets.would_enable(dependency, &Level::WARN), "{dependency}");
            assert!(!targets.would_enable(dependency, &Level::INFO), "{dependency}");
        }
    }

    #[test]
    fn a_quiet_log_is_quiet_for_dependencies_too() {
        assert!(!targets("a::B", LevelFilter::ERROR).would_enable("reqwest", &Level::WARN));
    }
}
