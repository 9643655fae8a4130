//! The page of a resource type: a table for each scenario.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::fault_effect::FaultEffect;
use crate::model::weather::Call;

/// What came of all faults of a type.
#[derive(Debug)]
pub(super) struct Page {
    resource_type: String,
    tables: Vec<ScenarioTable>,
    reasons: Vec<String>,
    pairs: usize,
}

#[derive(Debug)]
struct ScenarioTable {
    name: String,
    columns: Vec<&'static str>,
    /// Which calls, and the cells of all of them.
    rows: Vec<(Vec<Call>, Vec<String>)>,
}

impl Page {
    pub(super) fn new(resource_type: &str) -> Self {
        Self { resource_type: resource_type.to_owned(), tables: Vec::new(), reasons: Vec::new(), pairs: 0 }
    }

    pub(super) fn begin(&mut self, name: &str, columns: impl IntoIterator<Item = &'static str>) {
        let columns = columns.into_iter().collect();
        self.tables.push(ScenarioTable { name: name.to_owned(), columns, rows: Vec::new() });
    }

    /// Adds a call; one that ends as the one before of its operation shares its row.
    pub(super) fn add(&mut self, call: &Call, effects: impl IntoIterator<Item = FaultEffect>) {
        let reasons = &mut self.reasons;
        let mut note = |reason: &str| {
            let known = reasons.iter().position(|known| known == reason);
            1 + known.unwrap_or_else(|| {
                reasons.push(reason.to_owned());
                reasons.len() - 1
            })
        };
        let cells: Vec<_> = effects.into_iter().map(|effect| effect.cell(&mut note)).collect();
        let Some(table) = self.tables.last_mut() else { return };
        match table.rows.last_mut() {
            Some((row, same)) if *same == cells && row[0].operation == call.operation => row.push(call.clone()),
            _ => table.rows.push((vec![call.clone()], cells)),
        }
    }

    /// Adds so many pairs that were tried.
    pub(super) fn count_pairs(&mut self, pairs: usize) {
        self.pairs += pairs;
    }

    fn text(&self) -> String {
        let cells = |table: &ScenarioTable| -> usize {
            let rows = table.rows.iter();
            rows.map(|(calls, cells)| calls.len() * cells.iter().filter(|cell| *cell != "–").count()).sum()
        };
        let single: usize = self.tables.iter().map(cells).sum();
        let mut text = format!(
            "# What goes wrong with `{}`, and what comes of it\n\n\
             Written by its test; [Faults](../Faults.md) says how to read it. Tried: {single} single faults, and {} pairs.\n",
            self.resource_type, self.pairs
        );
        for ScenarioTable { name, columns, rows } in &self.tables {
            let _ = write!(
                text,
                "\n## {name}\n\n| call | {} |\n|---|{}\n",
                columns.join(" | "),
                "---|".repeat(columns.len())
            );
            for (calls, cells) in rows {
                let _ = writeln!(text, "| {} | {} |", named(calls), cells.join(" | "));
            }
        }
        if !self.reasons.is_empty() {
            text.push_str("\n## Reasons\n\n");
        }
        for (index, reason) in self.reasons.iter().enumerate() {
            let _ = writeln!(text, "{}. {reason}", index + 1);
        }
        text
    }

    pub(super) fn check(&self) {
        let name = self.resource_type.trim_start_matches("Custom::");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/faults").join(format!("{name}.md"));
        expectorate::assert_contents(path, &self.text());
    }
}

/// `CreateAccount`, or `DescribeAccount, 2nd to 4th`.
fn named(calls: &[Call]) -> String {
    match calls {
        [one] => one.to_string(),
        [first, .., last] => format!("{}, {} to {}", first.operation, first.ordinal(), last.ordinal()),
        [] => String::new(),
    }
}
