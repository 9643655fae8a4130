//! The files in tests/bad-templates/: one for each type, which lists templates and the sentences that they get.

use std::fs;
use std::path::PathBuf;

use archipelago_tests::binary::workspace;
use archipelago_tests::cloudformation::{Event, RequestType};
use serde_json::{Map, Value, json};

/// The templates of one type, whose name is that of its function and its file.
pub(crate) struct Templates {
    pub(crate) name: String,
    pub(crate) list: Vec<Template>,
}

/// One template: what is bad in it, its properties, and the sentence. `previous` makes it an Update.
pub(crate) struct Template(Map<String, Value>);

impl Templates {
    /// Those of all types.
    pub(crate) fn all() -> Vec<Self> {
        let mut files: Vec<_> = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let read = |file: PathBuf| {
            let list: Vec<Map<String, Value>> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            Self { name, list: list.into_iter().map(Template).collect() }
        };
        files.into_iter().map(read).collect()
    }

    /// Their file.
    pub(crate) fn file(&self) -> PathBuf {
        folder().join(format!("{}.json", self.name))
    }

    /// What stands in it.
    pub(crate) fn text(&self) -> String {
        let list: Vec<_> = self.list.iter().map(|template| &template.0).collect();
        serde_json::to_string_pretty(&list).unwrap() + "\n"
    }
}

impl Template {
    pub(crate) fn name(&self) -> &str {
        self.0["bad"].as_str().unwrap()
    }

    pub(crate) fn properties(&self) -> &Value {
        &self.0["properties"]
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.0.get("reason").and_then(Value::as_str)
    }

    pub(crate) fn set_reason(&mut self, reason: &str) {
        self.0.insert("reason".to_owned(), json!(reason));
    }

    /// The request for it, made of a Create.
    pub(crate) fn request(&self, created: Event) -> Event {
        let Some(previous) = self.0.get("previous") else { return created };
        let old_properties = previous.as_object().cloned();
        let physical_resource_id = Some("demo-Thing-1ABCDEF".to_owned());
        Event { request_type: RequestType::Update, physical_resource_id, old_properties, ..created }
    }

    /// The event of that request. CloudFormation makes strings of all scalars; here they come as they are written.
    pub(crate) fn event(&self, event: &Event, url: &str) -> Value {
        let properties = self.properties().as_object().cloned().unwrap_or_default();
        Event { properties, ..event.clone() }.to_json(url)
    }
}

fn folder() -> PathBuf {
    workspace().join("tests/bad-templates")
}
