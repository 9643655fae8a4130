//! The log: one JSON object a line, with the request that it is about, and without anything that others could use.

use tracing::{Level, Metadata};
use tracing_subscriber::{
    filter::{FilterFn, LevelFilter, Targets, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{Envelope, Response, Status, metrics::Outcome};

/// Starts the log of a process that serves types of these names (`std::any::type_name`): lines of JSON. `RUST_LOG` sets the levels, as in
/// `info` or `warn,my_crate=debug`; without it the level is `info`. [`Server`](crate::Server) does it by itself.
///
/// Crates that aren't those of the served types, this one, or named in `RUST_LOG` write warnings and errors alone. So do, at any
/// setting, those that see what is sent: see `SENDERS`.
pub fn start_log(type_names: &[&str]) {
    let levels = levels(std::env::var("RUST_LOG").ok().as_deref());
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    // A second start in one process (tests) changes nothing.
    let _ = tracing_subscriber::registry().with(lines).with(filter(crates(type_names), levels)).try_init();
    // The message of a panic may quote whatever the code was working on; its place can't.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%place, "panicked");
    }));
}

/// The crates through whose hands requests and answers go: what they say below `warn` may have a `ResponseURL` or a secret in it.
const SENDERS: [&str; 13] = [
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sigv4",
    "aws_types",
    "h2",
    "hyper",
    "hyper_util",
    "lambda_runtime",
    "lambda_runtime_api_client",
    "reqwest",
    "rustls",
    "tower",
];

/// How the names of the SDKs' crates start, and the target of a line of `lambda_runtime`.
const SENDING: [&str; 3] = ["aws_sdk_", "aws_smithy_", "Lambda runtime"];

/// What `RUST_LOG` says. What it says that can't be read counts as nothing.
fn levels(directives: Option<&str>) -> Targets {
    let directives = directives
        .filter(|directives| !directives.is_empty())
        .and_then(|directives| directives.parse::<Targets>().ok())
        .unwrap_or_default();
    // The crates that aren't named.
    if directives.default_level().is_some() { directives } else { directives.with_default(LevelFilter::INFO) }
}

fn filter(ours: Vec<String>, levels: Targets) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    let most = levels.iter().map(|(_, level)| level).chain(levels.default_level()).max().unwrap_or(LevelFilter::INFO);
    filter_fn(move |line| is_wanted(&ours, &levels, line.target(), *line.level())).with_max_level_hint(most)
}

fn is_wanted(ours: &[String], levels: &Targets, target: &str, line: Level) -> bool {
    if !levels.would_enable(target, &line) {
        return false;
    }
    let is_of = |name: &str| target.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    let is_named = || levels.iter().any(|(name, _)| is_of(name)) || ours.iter().any(|name| is_of(name));
    let is_sender = || SENDERS.into_iter().any(is_of) || SENDING.into_iter().any(|sending| target.starts_with(sending));
    line <= Level::WARN || is_named() && !is_sender()
}

/// The crates that are ours: this one, and those that the served types and their parameters come from.
fn crates(type_names: &[&str]) -> Vec<String> {
    let paths = type_names.iter().flat_map(|name| name.split(['<', '>', ',', ' ']));
    let named = paths.filter_map(|path| path.split_once("::")).map(|(name, _)| name);
    named.chain([env!("CARGO_CRATE_NAME")]).map(ToOwned::to_owned).collect()
}

/// Says how a request ended.
pub(crate) fn answered(response: &Response) -> Outcome {
    let id = response.physical_resource_id();
    match response.status() {
        Status::Success => {
            tracing::info!(id, "SUCCESS");
            Outcome::Success
        }
        Status::Failed => {
            tracing::warn!(id, reason = response.reason(), "FAILED");
            Outcome::Failed
        }
    }
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

    fn wanted(directives: &str, target: &str, line: Level) -> bool {
        let ours = crates(&[
            "policy_statement::Statements<ecr_policy_statement::Ecr<aws_sdk_ecr::Client>>",
            "aws_config_alias::A",
        ]);
        is_wanted(&ours, &levels(Some(directives)), target, line)
    }

    #[test]
    fn crates_of_others_write_warnings_and_errors_alone() {
        for own in
            ["custom_resource::lifecycle", "policy_statement::statements", "ecr_policy_statement", "aws_config_alias"]
        {
            assert!(wanted("trace", own, Level::TRACE), "{own}");
        }
        for other in ["aws_sdk_ecr", "aws_smithy_runtime", "ecr_policy_statements::x", "Lambda runtime invoke", "sqlx"]
        {
            assert!(wanted("trace", other, Level::WARN) && !wanted("trace", other, Level::INFO), "{other}");
        }
    }

    #[test]
    fn a_crate_that_is_named_has_its_level_and_the_others_keep_theirs() {
        assert!(wanted("sqlx=debug", "sqlx::query", Level::DEBUG));
        assert!(!wanted("sqlx=debug", "policy_statement", Level::DEBUG));
        assert!(wanted("sqlx=debug", "policy_statement", Level::INFO));
        assert!(!wanted("warn,sqlx=debug", "policy_statement", Level::INFO));
    }

    #[test]
    fn what_sees_an_url_is_quiet_whatever_is_said() {
        for sender in ["reqwest::connect", "hyper_util::client", "aws_sdk_ecr", "aws_smithy_runtime::client"] {
            assert!(!wanted("trace,reqwest=trace,hyper_util=trace,aws_sdk_ecr=trace", sender, Level::INFO), "{sender}");
        }
    }

    #[test]
    fn a_quiet_log_is_quiet_for_all_and_what_can_not_be_read_is_no_silence() {
        assert!(!wanted("error", "policy_statement", Level::WARN) && !wanted("error", "reqwest", Level::WARN));
        for directives in ["", "a=loud"] {
            assert!(wanted(directives, "policy_statement", Level::INFO), "{directives}");
        }
    }
}
