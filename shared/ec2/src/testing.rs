//! A client in front of canned answers.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::{
    client::{
        behavior_version::BehaviorVersion,
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use aws_types::{SdkConfig, app_name::AppName, region::Region, sdk_config::Builder};

/// What answers with these statuses and bodies, one after the other, and knows what it was asked.
pub(crate) fn answers(answers: &[(u16, &str)]) -> StaticReplayClient {
    replay(answers, |_| ())
}

/// The same, from a server with this time.
pub(crate) fn answers_at(date: &'static str, answers: &[(u16, &str)]) -> StaticReplayClient {
    replay(answers, |answer| {
        answer.headers_mut().insert("date", date);
    })
}

fn replay(answers: &[(u16, &str)], change: impl Fn(&mut HttpResponse)) -> StaticReplayClient {
    let event = |(status, body): &(u16, &str)| {
        let mut answer = HttpResponse::new(StatusCode::try_from(*status).unwrap(), SdkBody::from(*body));
        change(&mut answer);
        ReplayEvent::new(HttpRequest::empty(), answer)
    };
    StaticReplayClient::new(answers.iter().map(event).collect())
}

/// The configuration of a function.
pub(crate) fn configuration(http: &StaticReplayClient) -> Builder {
    let credentials = Credentials::new("key", "secret", Some("token".to_owned()), None, "test");
    SdkConfig::builder()
        .app_name(AppName::new("archipelago-any").unwrap())
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http.clone())
        .region(Region::new("eu-west-1"))
        .retry_config(RetryConfig::standard())
}

/// The bodies that were sent.
pub(crate) fn asked(http: &StaticReplayClient) -> Vec<String> {
    let text = |body: &SdkBody| String::from_utf8(body.bytes().unwrap().to_vec()).unwrap();
    http.actual_requests().map(|request| text(request.body())).collect()
}
