//! What is too long, too deep or too broken to stand in a file, written as a few words.

/// A text of JSON, with what its words stand for in the place of these strings.
pub(crate) fn spelled(text: &str) -> String {
    let account = |index: usize| format!("\"{:012}\"", 200_000_000_000 + index);
    let accounts: Vec<_> = (0..10_000).map(account).collect();
    let subnets: Vec<_> = (0..10_000).map(|index| format!("\"subnet-{index:08x}!\"")).collect();
    let long = |count: usize| format!("\"{}\"", "x".repeat(count));
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let spellings = [
        ("<10,000 accounts>", format!("[{}]", accounts.join(","))),
        ("<10,000 broken subnets>", format!("[{}]", subnets.join(","))),
        ("<1,000 statements>", format!("[{}]", vec!["{\"Effect\":\"Allow\"}"; 1_000].join(","))),
        ("<1,000 characters>", long(1_000)),
        ("<1,000,000 characters>", long(1_000_000)),
        ("<100 lists>", nested(100)),
        ("<10,000 lists>", nested(10_000)),
        ("<10,000 objects>", objects(10_000)),
        ("<half a character>", "\"\\ud83d\"".to_owned()),
        ("<1e400>", "1e400".to_owned()),
    ];
    let spell = |text: String, (words, stands_for): (&str, String)| text.replace(&format!("\"{words}\""), &stands_for);
    spellings.into_iter().fold(text.to_owned(), spell)
}
