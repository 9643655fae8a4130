//! Any text as the policy that is there: the first line is what a template wants in it, the rest is the policy.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy_statement::{Document, Statement, StatementProperty};
use serde_json::Value;

const MARK: &str = "0123456789";

fn texts<'a>(statements: impl Iterator<Item = &'a Statement>) -> Vec<String> {
    statements.map(|statement| statement.text().to_owned()).collect()
}

fn reread(document: &Document) -> Document {
    let text = document.to_text();
    let again = Document::parse(&text).expect("what is written can be read");
    assert_eq!(again.to_text(), text, "what was read once is written as it was");
    again
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let (wanted, policy) = text.split_once('\n').unwrap_or(("", text));
    let Ok(before) = Document::parse(policy) else { return };
    reread(&before);
    // Values forget spellings and duplicates, but nothing else.
    if let Ok(value) = serde_json::from_str::<Value>(policy) {
        assert_eq!(serde_json::from_str::<Value>(&before.to_text()).expect("as readable as before"), value);
    }
    let foreign = texts(before.foreign(MARK));

    let Ok(wanted) = serde_json::from_str::<StatementProperty>(wanted) else { return };
    let wanted = wanted.signed("Grant", MARK);
    let mut after = before.clone();
    after.replace_own(MARK, &wanted);
    let seen = reread(&after);
    assert_eq!(texts(seen.foreign(MARK)), foreign, "what is foreign stays, in its order");
    assert_eq!(seen.own(MARK).count(), wanted.len(), "what is signed is ours");
    assert!(seen.has_own(MARK, &wanted) && seen.keeps_foreign(&before, MARK));

    let mut again = seen.clone();
    again.replace_own(MARK, &wanted);
    assert_eq!(again.to_text(), seen.to_text(), "to put in what is there changes nothing");

    again.replace_own(MARK, &[]);
    let without = reread(&again);
    assert_eq!((without.own(MARK).count(), texts(without.foreign(MARK))), (0, foreign), "all that was ours is gone");
    assert_eq!(without.is_empty(), before.foreign(MARK).next().is_none());
});
