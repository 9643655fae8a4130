//! One call of EC2's Query API, and the pages of one that lists.

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::{
    client::{behavior_version::BehaviorVersion, orchestrator::HttpRequest, runtime_plugin::SharedRuntimePlugin},
    shared::IntoShared,
};
use aws_smithy_types::body::SdkBody;
use custom_resource::{AwsError, SdkConfig};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{answer, configuration, form::Form, xml};

/// What sends forms to EC2.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    behavior: BehaviorVersion,
    parts: SharedRuntimePlugin,
}

impl Query {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        let behavior = aws.behavior_version().unwrap_or_else(BehaviorVersion::latest);
        Self { behavior, parts: configuration::plugin(aws).into_shared() }
    }

    /// The answer to `action`, without the element around it.
    pub(crate) async fn call(&self, action: &'static str, form: &Form) -> Result<Value, AwsError> {
        let operation = Operation::builder()
            .service_name("EC2")
            .operation_name(action)
            .behavior_version(self.behavior)
            .runtime_plugin(self.parts.clone())
            .serializer(|body: String| {
                let mut request = HttpRequest::new(SdkBody::from(body));
                request.set_method("POST")?;
                request.set_uri("/")?;
                request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
                Ok(request)
            })
            .deserializer(move |response| answer::read(action, response))
            .build();
        operation.invoke(form.written(action)).await.map_err(|error| AwsError::of_call(name(action), error))
    }

    /// All that `action` lists in the member `set` of its answers. An empty page that names a next one isn't the last.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        action: &'static str,
        form: Form,
        set: &str,
    ) -> Result<Vec<T>, AwsError> {
        let unreadable = || AwsError::unanswered(&name(action), "the answer could not be read");
        let (mut listed, mut asked, mut last) = (Vec::new(), form.clone(), None);
        loop {
            let page = self.call(action, &asked).await?;
            if let Some(items) = page.get(set) {
                listed.extend(xml::items::<_, T>(items).map_err(|_| unreadable())?);
            }
            let Some(next) = page.get("nextToken").and_then(Value::as_str) else { return Ok(listed) };
            if last.as_deref() == Some(next) {
                return Err(unreadable());
            }
            asked = form.clone().with("NextToken", next);
            last = Some(next.to_owned());
        }
    }
}

/// A call by the name that policies have for it.
fn name(action: &str) -> String {
    format!("ec2:{action}")
}
