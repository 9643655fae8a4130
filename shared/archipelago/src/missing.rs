//! What a look at the policies found, as metrics on which `template.yaml` has alarms.

use custom_resource::count;

use crate::METRICS_NAMESPACE;

/// Counts the statements that are missing. A look at all policies says so even if it is none, since the alarm stays as it is until
/// then; a look at one of them says nothing where none is missing.
pub fn count_missing_statements(statements: u64) {
    count(METRICS_NAMESPACE, "StatementsMissing", statements);
}

/// Counts the repairs of a policy that somebody else undoes each time.
pub fn count_fought_repairs(repairs: u64) {
    count(METRICS_NAMESPACE, "RepairsFought", repairs);
}
