//! The proxy hands on what it is given, knows what it is, and lets go wrong what it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use archipelago_tests::call::Call;
use archipelago_tests::fault::{Fault, Pending};
use archipelago_tests::http::{Headers, Reply, Request, Server, client};
use archipelago_tests::proxy::Proxy;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// How long nothing is seen to happen. What does happen is waited for.
const WHILE: Duration = Duration::from_millis(300);

/// A service that counts, and a proxy before it.
struct Fixture {
    proxy: Proxy,
    reached: Arc<Mutex<Vec<Request>>>,
    _service: Server,
}

async fn fixture(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Fixture {
    let reached: Arc<Mutex<Vec<Request>>> = Arc::default();
    let seen = Arc::clone(&reached);
    let service = Server::start(move |request| {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        let body = json!({ "count": seen.len(), "state": "SUCCEEDED" }).to_string().into_bytes();
        let headers =
            Headers::of([("content-type", "application/x-amz-json-1.1".to_owned()), ("x-of", "it".to_owned())]);
        std::future::ready(Reply::Http(201, headers, body))
    })
    .await;
    Fixture { proxy: Proxy::start(&service.origin(), fault).await, reached, _service: service }
}

impl Fixture {
    fn reached(&self) -> usize {
        self.reached.lock().unwrap().len()
    }

    /// Waits until that many requests have come to the service.
    async fn has_reached(&self, requests: usize) {
        while self.reached() < requests {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn request(&self, service: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let credential = format!("AKIA/20260101/eu-west-1/{service}/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0a1b");
        let url = format!("{}{path}", self.proxy.origin());
        client().request(method.parse().unwrap(), url).header("authorization", authorization)
    }

    /// Calls Organizations; the status and the JSON of the answer.
    async fn call(&self, operation: &str, input: &Value) -> Result<(u16, Value), reqwest::Error> {
        let target = format!("AWSOrganizationsV20161128.{operation}");
        let sent = self.request("organizations", "POST", "/").header("x-amz-target", target).body(input.to_string());
        let response = sent.send().await?;
        Ok((response.status().as_u16(), serde_json::from_slice(&response.bytes().await?).unwrap()))
    }
}

#[tokio::test]
async fn a_call_and_its_answer_go_through_as_they_are() {
    let fixture = fixture(|_| Fault::None).await;
    let sent = fixture.request("s3", "PUT", "/a%2Fb/c%7Cd?x=%2F&policy");
    let response = sent.header("host", "signed.example.com").body(vec![0, 255, 10]).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-of"].to_str().unwrap()), (201, "it"));
    assert_eq!(response.bytes().await.unwrap(), r#"{"count":1,"state":"SUCCEEDED"}"#);
    let reached = fixture.reached.lock().unwrap()[0].clone();
    assert_eq!((reached.method.as_str(), reached.path.as_str()), ("PUT", "/a%2Fb/c%7Cd"));
    assert_eq!((reached.query.as_deref(), reached.body.as_slice()), (Some("x=%2F&policy"), &[0, 255, 10][..]));
    assert_eq!(reached.headers.get("host"), Some("signed.example.com"));
    assert!(reached.headers.get("authorization").unwrap().ends_with("Signature=0a1b"));
}

#[tokio::test]
async fn calls_are_kept_in_their_order_with_what_they_asked_and_how_it_ended() {
    let fixture = fixture(|call| if call.nth == 2 { Fault::After(Reply::Cut) } else { Fault::None }).await;
    for (operation, name) in [("CreateAccount", "one"), ("MoveAccount", "two"), ("CreateAccount", "three")] {
        let _ = fixture.call(operation, &json!({ "Name": name })).await;
    }
    let calls = fixture.proxy.calls();
    let told: Vec<_> =
        calls.iter().map(|call| (&*call.operation, &call.input["Name"], call.nth, call.status)).collect();
    assert_eq!(
        json!(told),
        json!([["CreateAccount", "one", 1, 201], ["MoveAccount", "two", 1, 201], ["CreateAccount", "three", 2, null]])
    );
    assert!(calls.iter().all(|call| call.service == "organizations"));
    assert_eq!((fixture.proxy.count("CreateAccount"), fixture.proxy.count("CloseAccount")), (2, 0));
}

#[tokio::test]
async fn a_call_tells_its_operation_in_every_protocol() {
    let fixture = fixture(|_| Fault::None).await;
    let cases = [
        ("ram", "POST", "/enablesharingwithawsorganization", "EnableSharingWithAwsOrganization"),
        ("ram", "POST", "/createresourceshare", "CreateResourceShare"),
        ("account", "POST", "/putAccountName", "PutAccountName"),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", "Invoke"),
        ("lambda", "GET", "/2015-03-31/functions/f", "GET /2015-03-31/functions/f"),
        ("s3", "GET", "/", "ListBuckets"),
        ("s3", "PUT", "/bucket", "CreateBucket"),
        ("s3", "HEAD", "/bucket", "HeadBucket"),
        ("s3", "GET", "/bucket?list-type=2", "ListObjects"),
        ("s3", "PUT", "/bucket?policy", "PutBucketPolicy"),
        ("s3", "DELETE", "/bucket/?policy", "DeleteBucketPolicy"),
        ("s3", "GET", "/bucket/a/key", "GetObject"),
        ("s3", "GET", "/bucket/key?tagging", "GetObjectTagging"),
        ("sts", "POST", "/?Action=AssumeRole&Version=2011-06-15", "AssumeRole"),
    ];
    for (service, method, path, operation) in cases {
        fixture.request(service, method, path).send().await.unwrap();
        let call = fixture.proxy.calls().pop().unwrap();
        assert_eq!((call.service.as_str(), call.operation.as_str()), (service, operation), "{method} {path}");
    }
    let form =
        fixture.request("sts", "POST", "/").header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    form.body("Action=AssumeRole&RoleArn=arn%3Aaws").send().await.unwrap();
    let call = fixture.proxy.calls().pop().unwrap();
    assert_eq!((call.operation.as_str(), &call.input["RoleArn"]), ("AssumeRole", &json!("arn:aws")));
    fixture.proxy.called(|call| call.operation == "PutBucketPolicy").await;
    let presigned =
        format!("{}/b/k?X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request", fixture.proxy.origin());
    client().get(presigned).send().await.unwrap();
    assert_eq!(fixture.proxy.calls().pop().unwrap().service, "s3");
}

#[tokio::test]
async fn the_first_calls_of_an_operation_can_fail_and_the_next_reach_the_service() {
    let fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("CreateAccount", ..=2) => Fault::Before(call.error(400, "ConcurrentModificationException", "Later.")),
        _ => Fault::None,
    })
    .await;
    for _ in 0..2 {
        let (status, body) = fixture.call("CreateAccount", &json!({})).await.unwrap();
        assert_eq!((status, body["__type"].as_str()), (400, Some("ConcurrentModificationException")));
    }
    assert_eq!(fixture.call("MoveAccount", &json!({})).await.unwrap().1["count"], 1);
    assert_eq!(fixture.call("CreateAccount", &json!({})).await.unwrap().1["count"], 2);
}

#[tokio::test]
async fn an_error_is_written_as_the_service_itself_writes_it() {
    let fixture = fixture(|call| Fault::Before(call.error(409, "Gone", "a < b"))).await;
    let error = async |service, path| {
        let response = fixture.request(service, "POST", path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 409);
        let kind = response.headers().get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned());
        (kind, response.text().await.unwrap())
    };
    let (_, sts) = error("sts", "/?Action=AssumeRole").await;
    assert!(sts.starts_with("<ErrorResponse><Error>") && sts.contains("<Code>Gone</Code><Message>a &lt; b<"), "{sts}");
    let (_, ec2) = error("ec2", "/?Action=CreateTags").await;
    assert!(ec2.starts_with("<Response><Errors><Error><Code>Gone</Code><Message>a &lt; b<"), "{ec2}");
    let (_, s3) = error("s3", "/bucket?policy").await;
    assert!(s3.starts_with("<Error><Code>Gone</Code><Message>a &lt; b<"), "{s3}");
    let ram = error("ram", "/createresourceshare").await;
    assert_eq!(ram, (Some("Gone".to_owned()), r#"{"message":"a < b"}"#.to_owned()));
    let (_, organizations) = fixture.call("CreateAccount", &json!({})).await.unwrap();
    assert_eq!(organizations, json!({ "__type": "Gone", "message": "a < b" }));
    assert_eq!(fixture.reached(), 0);
}

#[tokio::test]
async fn a_connection_can_be_cut_before_and_after_the_effect() {
    let fixture = fixture(|call| match call.operation.as_str() {
        "Before" => Fault::Before(Reply::Cut),
        _ => Fault::After(Reply::Cut),
    })
    .await;
    assert!(fixture.call("Before", &json!({})).await.is_err());
    assert_eq!(fixture.reached(), 0);
    assert!(fixture.call("After", &json!({})).await.is_err());
    assert_eq!(fixture.reached(), 1);
}

#[tokio::test]
async fn a_call_can_stay_without_an_answer() {
    let fixture = fixture(|_| Fault::After(Reply::Silence)).await;
    let input = json!({});
    let unanswered = async {
        fixture.has_reached(1).await;
        tokio::time::sleep(WHILE).await;
    };
    tokio::select! {
        answer = fixture.call("CreateAccount", &input) => panic!("{answer:?}"),
        () = unanswered => {}
    }
    assert_eq!((fixture.reached(), fixture.proxy.calls()[0].status), (1, None));
}

/// What lets a call through that is delayed by the second.
fn gate() -> (Arc<Notify>, impl Fn() -> Pending) {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let closed = move || -> Pending {
        let opened = Arc::clone(&opened);
        Box::pin(async move { opened.notified().await })
    };
    (gate, closed)
}

#[tokio::test]
async fn a_call_can_be_delayed_on_the_way_there_and_on_the_way_back() {
    let (gate, closed) = gate();
    let fixture = fixture(move |call| match call.operation.as_str() {
        "Delayed" => Fault::delayed(closed()),
        _ => Fault::late(closed()),
    })
    .await;
    for (operation, reached_meanwhile) in [("Delayed", 0), ("Late", 2)] {
        let input = json!({});
        let call = fixture.call(operation, &input);
        tokio::pin!(call);
        let reaching = async {
            fixture.proxy.called(|call| call.operation == operation).await;
            fixture.has_reached(reached_meanwhile).await;
            tokio::time::sleep(WHILE).await;
        };
        tokio::select! {
            answer = &mut call => panic!("{operation}: {answer:?}"),
            () = reaching => {}
        }
        assert_eq!(fixture.reached(), reached_meanwhile, "{operation}");
        gate.notify_one();
        assert_eq!(call.await.unwrap().0, 201, "{operation}");
    }
}

#[tokio::test]
async fn a_stale_answer_is_the_one_that_the_same_call_had_before() {
    let fixture = fixture(|call| if call.nth > 2 { Fault::Stale } else { Fault::None }).await;
    let list =
        async |parent: &str| fixture.call("List", &json!({ "ParentId": parent })).await.unwrap().1["count"].clone();
    assert_eq!((list("r-1").await, list("ou-2").await), (json!(1), json!(2)));
    assert_eq!((list("r-1").await, list("ou-2").await), (json!(1), json!(2)));
    assert_eq!(list("ou-3").await, 3, "nobody has asked this before");
    assert_eq!(fixture.reached(), 3);
}

#[tokio::test]
async fn a_lagging_answer_is_the_first_of_those_within_its_time() {
    let fixture = fixture(|call| match call.nth {
        ..=2 => Fault::None,
        3 => Fault::Lagging(Duration::from_mins(1)),
        _ => Fault::Lagging(Duration::ZERO),
    })
    .await;
    let mut counts = Vec::new();
    for _ in 0..4 {
        counts.push(fixture.call("List", &json!({})).await.unwrap().1["count"].clone());
    }
    assert_eq!(json!(counts), json!([1, 2, 1, 3]));
}

#[tokio::test]
async fn a_call_has_its_effect_although_its_caller_is_gone() {
    let (gate, closed) = gate();
    let fixture = fixture(move |_| Fault::delayed(closed())).await;
    let input = json!({});
    tokio::select! {
        answer = fixture.call("CreateAccount", &input) => panic!("{answer:?}"),
        () = fixture.proxy.called(|_| true) => {}
    }
    assert_eq!(fixture.reached(), 0);
    gate.notify_one();
    fixture.proxy.called(|call| call.status == Some(201)).await;
    assert_eq!(fixture.reached(), 1);
}

#[tokio::test]
async fn an_answer_can_be_another_than_the_service_gave() {
    let fixture = fixture(|_| Fault::rewritten(|answer| answer["state"] = json!("IN_PROGRESS"))).await;
    let (status, answer) = fixture.call("Describe", &json!({})).await.unwrap();
    assert_eq!((status, answer), (201, json!({ "count": 1, "state": "IN_PROGRESS" })));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_said_to_be() {
    let proxy = Proxy::start("http://127.0.0.1:1", |_| Fault::None).await;
    let response = client().get(proxy.origin()).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 502);
    assert!(response.text().await.unwrap().contains("can't reach what stands behind it"));
}
