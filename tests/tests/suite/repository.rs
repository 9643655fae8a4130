//! Each folder in handlers/ has its function, its events and its row in the README; none of them is left without one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use archipelago_tests::binary::workspace;

/// Everything about resource types that a repository says.
#[derive(Default)]
struct Repository {
    /// Folders in handlers/.
    handlers: BTreeSet<String>,
    /// `Binary:` of the functions in template.yaml.
    functions: BTreeSet<String>,
    /// Folders in events/ with the files in them.
    events: BTreeMap<String, BTreeSet<String>>,
    /// `Custom::...` in the first column of the README's table.
    rows: BTreeSet<String>,
}

/// Handlers that serve no resource type have a function, but no events and no row.
const WITHOUT_TYPE: [&str; 1] = ["failure-responder"];

impl Repository {
    fn at(root: &Path) -> Self {
        let template = std::fs::read_to_string(root.join("template.yaml")).unwrap_or_default();
        let readme = std::fs::read_to_string(root.join("README.md")).unwrap_or_default();
        Self {
            handlers: entries(&root.join("handlers")),
            functions: template
                .split("Binary:")
                .skip(1)
                .map(|rest| rest.trim_start().split([',', '}', ' ', '\n']).next().unwrap_or_default().to_owned())
                .collect(),
            events: entries(&root.join("events"))
                .into_iter()
                .map(|folder| (folder.clone(), entries(&root.join("events").join(folder))))
                .collect(),
            rows: readme.lines().filter_map(type_of_row).collect(),
        }
    }

    /// A sentence for everything that is missing or left over.
    fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut types = BTreeMap::new();
        for handler in &self.handlers {
            if !self.functions.contains(handler) {
                gaps.push(format!("handlers/{handler} has no function with `Binary: {handler}` in template.yaml"));
            }
            if WITHOUT_TYPE.contains(&handler.as_str()) {
                continue;
            }
            for file in ["create.json", "update.json", "delete.json"] {
                if !self.events.get(handler).is_some_and(|files| files.contains(file)) {
                    gaps.push(format!("handlers/{handler} has no events/{handler}/{file}"));
                }
            }
            let name = type_of(handler);
            if !self.rows.contains(&name) {
                gaps.push(format!("handlers/{handler} has no row `{name}` in the README's table of types"));
            }
            types.insert(name, handler);
        }
        for function in self.functions.difference(&self.handlers) {
            gaps.push(format!(
                "template.yaml has a function with `Binary: {function}`, but there is no handlers/{function}"
            ));
        }
        for folder in self.events.keys().filter(|folder| !self.handlers.contains(*folder)) {
            gaps.push(format!("there is an events/{folder}, but no handlers/{folder}"));
        }
        for row in self.rows.iter().filter(|row| !types.contains_key(*row)) {
            gaps.push(format!("the README has a row `{row}`, but no folder in handlers/ is named after it"));
        }
        gaps
    }
}

/// `ecr-policy-statement` -> `Custom::EcrPolicyStatement`
fn type_of(handler: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    format!("Custom::{}", handler.split('-').map(capital).collect::<String>())
}

/// The type that a row of a Markdown table starts with.
fn type_of_row(line: &str) -> Option<String> {
    let cell = line.trim().strip_prefix('|')?.split('|').next()?;
    let start = cell.find("Custom::")?;
    Some(cell[start..].chars().take_while(|letter| letter.is_alphanumeric() || *letter == ':').collect())
}

fn entries(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_handler_has_its_function_its_events_and_its_row_and_nothing_is_left_over() {
    let repository = Repository::at(&workspace());
    assert!(!repository.handlers.is_empty(), "there is no handlers/");
    let gaps = repository.gaps();
    assert!(gaps.is_empty(), "\n{}\n", gaps.join("\n"));
}

#[test]
fn what_a_handler_lacks_is_said_in_a_sentence() {
    let repository = Repository { handlers: ["sub-net".to_owned()].into(), ..Repository::default() };
    assert_eq!(
        repository.gaps(),
        [
            "handlers/sub-net has no function with `Binary: sub-net` in template.yaml",
            "handlers/sub-net has no events/sub-net/create.json",
            "handlers/sub-net has no events/sub-net/update.json",
            "handlers/sub-net has no events/sub-net/delete.json",
            "handlers/sub-net has no row `Custom::SubNet` in the README's table of types",
        ]
    );
}

#[test]
fn what_is_left_without_a_handler_is_said_in_a_sentence() {
    let repository = Repository {
        functions: ["gone".to_owned()].into(),
        events: [("gone".to_owned(), BTreeSet::new())].into(),
        rows: ["Custom::Gone".to_owned()].into(),
        ..Repository::default()
    };
    assert_eq!(
        repository.gaps(),
        [
            "template.yaml has a function with `Binary: gone`, but there is no handlers/gone",
            "there is an events/gone, but no handlers/gone",
            "the README has a row `Custom::Gone`, but no folder in handlers/ is named after it",
        ]
    );
}

#[test]
fn a_row_is_read_with_and_without_a_link() {
    assert_eq!(type_of_row("| [`Custom::SubNet`](docs/sub-net.md) | x |"), Some("Custom::SubNet".to_owned()));
    assert_eq!(type_of_row("| `Custom::SubNet` | x |"), Some("Custom::SubNet".to_owned()));
    assert_eq!(type_of_row("Custom::SubNet is a type"), None);
}
