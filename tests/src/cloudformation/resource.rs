//! What CloudFormation knows of one custom resource, and which event follows from an answer. No I/O, no clock.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::answer::{Answer, Violation};
use super::event::{Event, RequestType, stringified};
use super::ids::Ids;

/// The status of a stack that holds this one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "these are CloudFormation's own names")]
pub enum Status {
    NotCreated,
    CreateInProgress,
    CreateComplete,
    RollbackInProgress,
    RollbackComplete,
    RollbackFailed,
    UpdateInProgress,
    UpdateCompleteCleanupInProgress,
    UpdateComplete,
    UpdateRollbackInProgress,
    UpdateRollbackCompleteCleanupInProgress,
    UpdateRollbackComplete,
    UpdateRollbackFailed,
    DeleteInProgress,
    DeleteComplete,
    DeleteFailed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}");
        for (index, letter) in name.chars().enumerate() {
            let separator = if index > 0 && letter.is_ascii_uppercase() { "_" } else { "" };
            write!(f, "{separator}{}", letter.to_ascii_uppercase())?;
        }
        Ok(())
    }
}

/// The resource as CloudFormation believes it to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// What `!Ref` reads.
    pub physical_resource_id: String,
    /// What the template says, scalars as strings.
    pub properties: Map<String, Value>,
    /// What `!GetAtt` reads.
    pub data: Map<String, Value>,
}

/// One custom resource in a stack of its own.
#[derive(Clone, Debug)]
pub struct Resource {
    stack_name: String,
    stack_id: String,
    logical_resource_id: String,
    type_name: String,
    service_token: String,
    ids: Ids,
    serial: u64,
    request_id: Option<String>,
    reuse_request_id: bool,
    status: Status,
    live: Option<Live>,
    /// What a running Update replaces, and its rollback brings back.
    before: Option<Live>,
    attributes: BTreeSet<String>,
    another_fails: bool,
    awaited: Option<Event>,
    abandoned: Vec<String>,
}

impl Resource {
    /// A resource that was never created; `seed` decides every id that CloudFormation makes up.
    #[must_use]
    pub fn new(stack_name: &str, logical_resource_id: &str, resource_type: &str, seed: u64) -> Self {
        let mut ids = Ids::seeded(seed);
        let stack_id = stack_id("111111111111", stack_name, &mut ids);
        Self {
            stack_name: stack_name.to_owned(),
            stack_id,
            logical_resource_id: logical_resource_id.to_owned(),
            type_name: resource_type.to_owned(),
            service_token: "arn:aws:lambda:eu-west-1:111111111111:function:under-test".to_owned(),
            ids,
            serial: 0,
            request_id: None,
            reuse_request_id: false,
            status: Status::NotCreated,
            live: None,
            before: None,
            attributes: BTreeSet::new(),
            another_fails: false,
            awaited: None,
            abandoned: Vec::new(),
        }
    }

    /// Its stack is one of this account.
    #[must_use]
    pub fn in_account(mut self, account: &str) -> Self {
        self.stack_id = stack_id(account, &self.stack_name, &mut self.ids);
        self
    }

    /// Where the stack stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What CloudFormation believes to exist.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// Ids whose Delete failed in a clean-up: CloudFormation reports it, goes on and forgets them.
    #[must_use]
    pub fn abandoned(&self) -> &[String] {
        &self.abandoned
    }

    /// The event whose answer CloudFormation waits for.
    #[must_use]
    pub fn awaited(&self) -> Option<&Event> {
        self.awaited.as_ref()
    }

    /// Sends every later event with the request id of the last one, as retried deployments do.
    pub fn reuse_request_ids(&mut self, reuse: bool) {
        self.reuse_request_id = reuse;
    }

    /// Starts the Create of a stack that isn't there; `None` while there is one.
    pub fn create(&mut self, properties: &Value) -> Option<Event> {
        match self.status {
            Status::NotCreated => {}
            // A stack that is made again is another one.
            Status::DeleteComplete | Status::RollbackComplete => {
                let account = self.stack_id.split(':').nth(4).unwrap_or_default();
                self.stack_id = stack_id(account, &self.stack_name, &mut self.ids);
            }
            _ => return None,
        }
        self.attributes.clear();
        self.status = Status::CreateInProgress;
        Some(self.send(RequestType::Create, None, object(properties), None))
    }

    /// Starts an Update; `None` if nothing changes, in which case CloudFormation sends no event, or if none may start.
    pub fn update(&mut self, properties: &Value) -> Option<Event> {
        let properties = object(properties);
        if !matches!(self.status, Status::CreateComplete | Status::UpdateComplete | Status::UpdateRollbackComplete) {
            return None;
        }
        let live = self.live.as_ref().filter(|live| live.properties != properties)?.clone();
        self.before = Some(live.clone());
        self.status = Status::UpdateInProgress;
        let Live { physical_resource_id, properties: old, .. } = live;
        Some(self.send(RequestType::Update, Some(physical_resource_id), properties, Some(old)))
    }

    /// Starts the Delete of the stack; `None` if nothing is there to be deleted or something is under way.
    pub fn delete(&mut self) -> Option<Event> {
        if self.awaited.is_some() {
            return None;
        }
        let Live { physical_resource_id, properties, .. } = self.live.clone()?;
        self.status = Status::DeleteInProgress;
        Some(self.send(RequestType::Delete, Some(physical_resource_id), properties, None))
    }

    /// Rolls back a running Create or Update at once, because another resource failed; its answer is no longer read.
    pub fn cancel(&mut self) -> Option<Event> {
        let running = self.awaited.clone()?;
        match self.status {
            Status::CreateInProgress => {
                self.awaited = None;
                Some(self.delete_unheard(running.properties))
            }
            Status::UpdateInProgress => {
                self.awaited = None;
                let id = running.physical_resource_id.unwrap_or_default();
                self.swap(id, running.properties)
            }
            _ => None,
        }
    }

    /// Lets another resource of the stack fail once the next Create or Update has succeeded, so that it is rolled back.
    pub fn fail_another(&mut self) {
        self.another_fails = true;
    }

    /// Tries a failed rollback of an Update again.
    pub fn continue_rollback(&mut self) -> Option<Event> {
        if self.status != Status::UpdateRollbackFailed {
            return None;
        }
        let live = self.live.clone()?;
        self.swap(live.physical_resource_id, live.properties)
    }

    /// Takes the answer to `event`, `None` for one that never came; returns the event that CloudFormation sends next.
    ///
    /// # Errors
    /// An attribute that an earlier answer had is missing, which fails whoever reads it.
    pub fn answered(&mut self, event: &Event, answer: Option<&Answer>) -> Result<Option<Event>, Violation> {
        if self.awaited.as_ref().is_none_or(|awaited| awaited.serial != event.serial) {
            return Ok(None);
        }
        self.awaited = None;
        if let Some(answer) = answer
            && answer.success
            && event.request_type != RequestType::Delete
        {
            let keys: BTreeSet<String> = answer.data.keys().cloned().collect();
            let missing: Vec<_> = self.attributes.difference(&keys).cloned().collect();
            if !missing.is_empty() {
                self.status = Status::UpdateRollbackFailed;
                return Err(Violation(format!(
                    "Vendor response doesn't contain {} key in object, which an earlier answer had",
                    missing.join(", ")
                )));
            }
            self.attributes.extend(keys);
        }
        Ok(match event.request_type {
            RequestType::Create => self.created(event, answer),
            RequestType::Update => self.updated(event, answer),
            RequestType::Delete => self.deleted(event, answer.is_some_and(|answer| answer.success)),
        })
    }

    fn created(&mut self, event: &Event, answer: Option<&Answer>) -> Option<Event> {
        let Some(answer) = answer else { return Some(self.delete_unheard(event.properties.clone())) };
        self.live = Some(live(answer, &event.properties));
        if answer.success && !std::mem::take(&mut self.another_fails) {
            self.status = Status::CreateComplete;
            return None;
        }
        self.status = Status::RollbackInProgress;
        let id = answer.physical_resource_id.clone();
        Some(self.send(RequestType::Delete, Some(id), event.properties.clone(), None))
    }

    fn updated(&mut self, event: &Event, answer: Option<&Answer>) -> Option<Event> {
        let sent = event.physical_resource_id.clone().unwrap_or_default();
        let rolling_back = self.status == Status::UpdateRollbackInProgress;
        match answer {
            Some(answer) if answer.success => {
                self.live = Some(live(answer, &event.properties));
                if !rolling_back && std::mem::take(&mut self.another_fails) {
                    return self.swap(answer.physical_resource_id.clone(), event.properties.clone());
                }
                let (cleaning, complete) = if rolling_back {
                    (Status::UpdateRollbackCompleteCleanupInProgress, Status::UpdateRollbackComplete)
                } else {
                    (Status::UpdateCompleteCleanupInProgress, Status::UpdateComplete)
                };
                if answer.physical_resource_id == sent {
                    self.status = complete;
                    return None;
                }
                self.status = cleaning;
                let old = event.old_properties.clone().unwrap_or_default();
                Some(self.send(RequestType::Delete, Some(sent), old, None))
            }
            failed => {
                // The id of a FAILED answer is stored as well: if it is a replacement, the rollback deletes it.
                let id = failed.map_or(sent, |answer| answer.physical_resource_id.clone());
                if rolling_back {
                    if let Some(live) = &mut self.live {
                        live.physical_resource_id = id;
                    }
                    self.status = Status::UpdateRollbackFailed;
                    return None;
                }
                self.swap(id, event.properties.clone())
            }
        }
    }

    fn deleted(&mut self, event: &Event, success: bool) -> Option<Event> {
        self.status = match (self.status, success) {
            (Status::UpdateCompleteCleanupInProgress, _) => Status::UpdateComplete,
            (Status::UpdateRollbackCompleteCleanupInProgress, _) => Status::UpdateRollbackComplete,
            (Status::RollbackInProgress, true) => Status::RollbackComplete,
            (Status::RollbackInProgress, false) => Status::RollbackFailed,
            (_, true) => Status::DeleteComplete,
            (_, false) => Status::DeleteFailed,
        };
        match self.status {
            Status::UpdateComplete | Status::UpdateRollbackComplete if !success => {
                self.abandoned.extend(event.physical_resource_id.clone());
            }
            Status::RollbackComplete | Status::DeleteComplete => self.live = None,
            _ => {}
        }
        None
    }

    /// The Delete after a Create that was cancelled or never answered.
    fn delete_unheard(&mut self, properties: Map<String, Value>) -> Event {
        let id = self.ids.invented(&self.stack_name, &self.logical_resource_id);
        self.live = Some(Live { physical_resource_id: id.clone(), properties: properties.clone(), data: Map::new() });
        self.status = Status::RollbackInProgress;
        self.send(RequestType::Delete, Some(id), properties, None)
    }

    /// The Update with old and new properties swapped.
    fn swap(&mut self, id: String, failed: Map<String, Value>) -> Option<Event> {
        let before = self.before.clone()?;
        self.status = Status::UpdateRollbackInProgress;
        if let Some(live) = &mut self.live {
            live.physical_resource_id.clone_from(&id);
            live.properties.clone_from(&failed);
        }
        Some(self.send(RequestType::Update, Some(id), before.properties, Some(failed)))
    }

    fn send(
        &mut self,
        request_type: RequestType,
        physical_resource_id: Option<String>,
        properties: Map<String, Value>,
        old_properties: Option<Map<String, Value>>,
    ) -> Event {
        let request_id = match &self.request_id {
            Some(last) if self.reuse_request_id => last.clone(),
            _ => self.ids.uuid(),
        };
        self.request_id = Some(request_id.clone());
        self.serial += 1;
        let event = Event {
            serial: self.serial,
            request_type,
            request_id,
            stack_id: self.stack_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
            physical_resource_id,
            resource_type: self.type_name.clone(),
            service_token: self.service_token.clone(),
            properties,
            old_properties,
            sent: Arc::default(),
        };
        self.awaited = Some(event.clone());
        event
    }
}

fn stack_id(account: &str, stack_name: &str, ids: &mut Ids) -> String {
    format!("arn:aws:cloudformation:eu-west-1:{account}:stack/{stack_name}/{}", ids.uuid())
}

fn live(answer: &Answer, properties: &Map<String, Value>) -> Live {
    Live {
        physical_resource_id: answer.physical_resource_id.clone(),
        properties: properties.clone(),
        data: answer.data.clone(),
    }
}

fn object(properties: &Value) -> Map<String, Value> {
    match stringified(properties) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
