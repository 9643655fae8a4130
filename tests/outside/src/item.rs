//! One item of one table, with its owner's mark in it.

use std::{collections::HashMap, fmt, str::FromStr, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use custom_resource::{Claim, Error, Passing, Resource, Result, SdkResult};
use serde::{Deserialize, Serialize};

const KEY: &str = "Name";
const TEXT: &str = "Text";
const VERSION: &str = "Version";
const OWNER: &str = "Owner";

/// A table of the same stack may be a moment old.
const FRESH_TABLE: [Passing; 1] =
    [Passing { codes: &["ResourceNotFoundException", "ResourceInUseException"], within: Duration::from_secs(60) }];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Properties {
    table: String,
    name: String,
    #[serde(default)]
    version: u32,
    content: Content,
}

#[derive(Deserialize)]
enum Content {
    Empty,
    Text(String),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attributes {
    version: u32,
}

/// `item/table/name`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ItemId {
    table: String,
    name: String,
}

impl FromStr for ItemId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.strip_prefix("item/").and_then(|place| place.split_once('/'));
        let (table, name) = place.ok_or("not the id of an item")?;
        Ok(Self { table: table.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item/{}/{}", self.table, self.name)
    }
}

pub(crate) struct Items {
    client: Client,
}

impl Items {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The item, if it is there and this resource's.
    async fn own(&self, id: &ItemId, claim: &Claim<ItemId>) -> Result<Option<HashMap<String, AttributeValue>>> {
        let get = self.client.get_item().table_name(&id.table).consistent_read(true);
        let found = get.key(KEY, text(&id.name)).send().await.passing(&FRESH_TABLE)?;
        let owner =
            |item: &HashMap<_, _>| item.get(OWNER).and_then(|owner: &AttributeValue| owner.as_s().ok().cloned());
        match found.item {
            Some(item) if owner(&item).is_some_and(|owner| claim.owner().signed(&owner)) => Ok(Some(item)),
            Some(_) => {
                Err(Error::refused("the item is there already, and is not of this resource; choose another Name"))
            }
            None => Ok(None),
        }
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

impl Resource for Items {
    type Properties = Properties;
    type Id = ItemId;
    type Attributes = Attributes;

    async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<ItemId>) -> Result<Attributes> {
        let id = ItemId { table: desired.table.clone(), name: desired.name.clone() };
        let content = match &desired.content {
            Content::Empty => "",
            Content::Text(text) => text,
        };
        let wanted = HashMap::from([
            (KEY.to_owned(), text(&id.name)),
            (TEXT.to_owned(), text(content)),
            (VERSION.to_owned(), AttributeValue::N(desired.version.to_string())),
            (OWNER.to_owned(), text(&claim.owner().signature())),
        ]);
        let found = self.own(&id, claim).await?;
        if found.as_ref() != Some(&wanted) {
            self.client.put_item().table_name(&id.table).set_item(Some(wanted)).send().await.passing(&FRESH_TABLE)?;
        }
        claim.hold(&id);
        Ok(Attributes { version: desired.version })
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<ItemId>) -> Result<()> {
        // Where an answer was lost, the template still says where to look.
        let asked = last.map(|last| ItemId { table: last.table.clone(), name: last.name.clone() });
        let Some(id) = claim.id().or(asked) else { return Ok(()) };
        let delete = self.client.delete_item().table_name(&id.table).key(KEY, text(&id.name));
        let delete = delete.condition_expression("attribute_not_exists(#owner) OR begins_with(#owner, :mark)");
        let delete = delete.expression_attribute_names("#owner", OWNER);
        let delete = delete.expression_attribute_values(":mark", text(&claim.owner().mark()));
        // Another's item stays. A table that is gone has none.
        delete.send().await.none_if(&["ConditionalCheckFailedException", "ResourceNotFoundException"])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
