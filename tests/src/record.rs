//! Writes down the calls of AWS that functions made, as tests/local-aws/calls.py does, which reads them all at the end.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::message::Request;

/// The variable with the folder for them; without it nothing is written.
const FOLDER: &str = "ARCHIPELAGO_CALLS";

/// The headers that say who calls what.
const HEADERS: [&str; 4] = ["authorization", "content-type", "user-agent", "x-amz-target"];

/// Adds a line for the request if a function's SDK sent it.
pub(crate) fn record(request: &Request) {
    static RECORD: OnceLock<Option<File>> = OnceLock::new();
    let Some(mut record) = RECORD.get_or_init(open).as_ref() else { return };
    if !request.headers.get("user-agent").is_some_and(|agent| agent.contains(" app/")) {
        return;
    }
    let header = |name: &str| Some((name.to_owned(), Value::from(request.headers.get(name)?)));
    let line = json!({
        "method": request.method,
        "path": request.path,
        "query": request.query.as_deref().unwrap_or_default(),
        "headers": HEADERS.into_iter().filter_map(header).collect::<Map<_, _>>(),
        "body": String::from_utf8_lossy(&request.body),
    });
    // In one piece, since many write at once.
    record.write_all(format!("{line}\n").as_bytes()).expect("the record takes a line");
}

/// The file of this process.
fn open() -> Option<File> {
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    let file = folder.join(format!("tests-{}.jsonl", std::process::id()));
    Some(OpenOptions::new().create(true).append(true).open(file).expect("a file in the folder of ARCHIPELAGO_CALLS"))
}
