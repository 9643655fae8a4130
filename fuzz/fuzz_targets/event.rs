//! Any JSON as an event, before a resource that ends as its properties say.

#![no_main]

use std::future::pending;

use archipelago::Tags;
use archipelago_fuzz::answered;
use custom_resource::{Claim, Error, Resource, Result};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};

struct Scripted;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(default)]
    ending: Ending,
    id: Option<String>,
    text: Option<String>,
    #[serde(default)]
    count: u16,
    #[serde(default)]
    switch: bool,
    #[serde(default)]
    numbers: Vec<i64>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Default, Clone, Copy, Deserialize)]
enum Ending {
    #[default]
    Success,
    Refused,
    NotYet,
    Hang,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    text: Option<String>,
    count: u16,
    numbers: Vec<i64>,
    has_tags: bool,
}

impl Ending {
    async fn play(self, reason: Option<&String>) -> Result<()> {
        match self {
            Self::Success => Ok(()),
            Self::Refused => Err(Error::refused(reason.cloned().unwrap_or_else(|| "the template said so".to_owned()))),
            Self::NotYet => Err(Error::not_yet("the template wants to be waited for")),
            Self::Hang => pending().await,
        }
    }
}

impl Resource for Scripted {
    type Properties = Properties;
    type Id = String;
    type Attributes = Attributes;

    async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<String>) -> Result<Attributes> {
        if let Some(id) = &desired.id {
            claim.hold(id);
        }
        desired.ending.play(desired.text.as_ref()).await?;
        let Properties { text, count, numbers, switch, tags, .. } = desired;
        let text = text.clone().filter(|_| !switch);
        Ok(Attributes { text, count: *count, numbers: numbers.clone(), has_tags: !tags.is_empty() })
    }

    async fn remove(&self, last: Option<&Properties>, _: &Claim<String>) -> Result<()> {
        last.map_or(Ending::Success, |last| last.ending).play(None).await
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        answered(&Scripted, text);
    }
});
