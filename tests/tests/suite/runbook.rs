//! The runbook and the types' pages start from sentences that people read; each of them is one that the code says.

use std::path::{Path, PathBuf};

use archipelago_tests::binary::workspace;

/// What stands for the part of a sentence that varies.
const VARIES: char = '…';

/// The quotes of a page: its lines that start with `> `.
fn quotes(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("> ")).collect()
}

/// What the functions themselves say by a type's page: the first cells in its table of refusals that aren't AWS's own codes.
fn refusals(page: &str) -> Vec<&str> {
    let (_, table) = page.split_once("## Refusals").unwrap_or_default();
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    rows.filter_map(|row| row.split(" | ").next()).filter(|cell| !cell.starts_with('`')).collect()
}

/// Everything that functions are made of, without their tests, and with each string in one line.
fn code() -> String {
    let mut files = Vec::new();
    for folder in ["handlers", "shared"] {
        sources(&workspace().join(folder), &mut files);
    }
    assert!(!files.is_empty(), "there is no code");
    let text = |file: &PathBuf| std::fs::read_to_string(file).unwrap_or_default();
    let tested = |text: String| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    joined(&files.iter().map(text).map(tested).collect::<String>())
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// The code with strings that go over several lines put together.
fn joined(code: &str) -> String {
    let mut lines = code.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// The first part of a quote that the code doesn't say.
fn unsaid<'a>(quote: &'a str, code: &str) -> Option<&'a str> {
    let parts = quote.split(VARIES).map(|part| part.trim_matches([' ', '(', ')', ';', ':', ',']));
    parts.filter(|part| !part.is_empty()).find(|part| !code.contains(part))
}

#[test]
fn every_sentence_in_the_runbook_is_one_that_the_code_says() {
    let page = std::fs::read_to_string(workspace().join("docs/runbook.md")).unwrap();
    let (quotes, code) = (quotes(&page), code());
    assert!(quotes.len() > 20, "{} quotes", quotes.len());
    let unsaid: Vec<_> = quotes.iter().filter_map(|quote| unsaid(quote, &code)).collect();
    assert!(unsaid.is_empty(), "the code says none of these:\n{}", unsaid.join("\n"));
}

#[test]
fn every_refusal_in_the_types_pages_is_one_that_the_code_says() {
    let folder = workspace().join("docs/source");
    let pages = std::fs::read_dir(&folder).unwrap().map(|page| std::fs::read_to_string(page.unwrap().path()).unwrap());
    let (pages, code) = (pages.collect::<Vec<_>>(), code());
    let refusals: Vec<_> = pages.iter().flat_map(|page| refusals(page)).collect();
    assert!(refusals.len() > 50, "{} refusals", refusals.len());
    let unsaid: Vec<_> = refusals.iter().filter_map(|refusal| unsaid(refusal, &code)).collect();
    assert!(unsaid.is_empty(), "the code says none of these:\n{}", unsaid.join("\n"));
}

#[test]
fn a_sentence_is_found_over_lines_and_around_what_varies_and_another_is_not() {
    let code = joined("refused(format!(\n    \"the OU {id} is not empty, so \\\n     it can't be deleted\"\n))");
    assert_eq!(unsaid("the OU … is not empty, so it can't be deleted", &code), None);
    assert_eq!(unsaid("the OU … is full", &code), Some("is full"));
}
