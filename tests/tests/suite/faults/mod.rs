//! Handlers on AWS's bad days: their binaries, with moto behind a proxy that lets calls go wrong.

mod account;
mod busy;
mod failed_creation;
mod organizational_unit;
mod shared_subnet_tags;
mod slow_creation;
mod subnet_share;
mod subnet_share_principal;

use std::time::Duration;

use archipelago_tests::binary::Binary;
use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::{Resource, Run, Simulator};
use archipelago_tests::fault::Fault;
use archipelago_tests::function::{Configuration, Function};
use archipelago_tests::http::Reply;
use archipelago_tests::local_aws::LocalAws;
use archipelago_tests::model::is_read;
use archipelago_tests::proxy::Proxy;
use archipelago_tests::response_server::ResponseServer;
use serde_json::{Value, json};

/// A stack of one resource, whose function reaches AWS through a proxy alone.
struct Fixture {
    aws: Proxy,
    stack: Simulator<Binary>,
}

impl Fixture {
    /// A stack of the type `Custom::<function>`.
    async fn of(function: &str, timeout: Duration, fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Self {
        // A refusal means that there is an organization already.
        let _ = organizations("CreateOrganization", json!({ "FeatureSet": "ALL" })).await;
        let aws = Proxy::start(&LocalAws::running().organizations_endpoint, fault).await;
        Self::before(aws, function, timeout).await
    }

    /// The same with this proxy, whatever it stands before.
    async fn before(aws: Proxy, function: &str, timeout: Duration) -> Self {
        let local = LocalAws::running();
        let responses = ResponseServer::start().await;
        let mut configuration =
            Configuration::of(function).timeout(timeout).variable("RESPONSE_HOSTS", responses.origin());
        for service in ["ACCOUNT", "EC2", "ORGANIZATIONS", "RAM", "STS"] {
            configuration = configuration.variable(&format!("AWS_ENDPOINT_URL_{service}"), aws.origin());
        }
        let (account, region) = (local.account.clone(), local.region.clone());
        let function_started = Function::start(Configuration { account, region, ..configuration }).await;
        let resource = Resource::new("landing", "Thing", &format!("Custom::{function}"), fastrand::u64(..));
        Self { aws, stack: Simulator::new(Binary::new(function_started, responses), resource) }
    }

    /// A stack of one account whose function has time enough for one invocation to do.
    async fn account(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Self {
        Self::of("Account", Duration::from_mins(1), fault).await
    }

    fn function(&self) -> &Function {
        &self.stack.handler.function
    }

    /// The operations that a step without trouble called, from that call on, by [`in_order`]. Of a list, the first page.
    fn calls_of(&self, run: Run, from: usize) -> Vec<String> {
        let run = run.sound();
        assert_eq!(run.reason(), None, "{}", run.status);
        let calls = self.aws.calls().into_iter().skip(from).filter(|call| call.input["nextToken"].is_null());
        in_order(calls.map(|call| call.operation))
    }

    /// How often an operation succeeded.
    fn done(&self, operation: &str) -> usize {
        self.aws.calls().iter().filter(|call| call.operation == operation && call.status == Some(200)).count()
    }
}

/// Operations with those reads sorted that follow each other: they may be made at the same time, and arrive in any order.
fn in_order(operations: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    let mut operations: Vec<_> = operations.into_iter().map(Into::into).collect();
    operations.chunk_by_mut(|one, next| is_read(one) && is_read(next)).for_each(<[String]>::sort);
    operations
}

/// Calls moto past the proxy.
async fn organizations(operation: &str, input: Value) -> Result<Value, String> {
    LocalAws::running().call("organizations", operation, &input).await
}

/// All items of a list, from all its pages.
async fn listed(operation: &str, list: &str, mut input: Value) -> Vec<Value> {
    let mut items = Vec::new();
    loop {
        let page = organizations(operation, input.clone()).await.unwrap();
        items.extend(page[list].as_array().cloned().unwrap_or_default());
        if page["NextToken"].is_null() {
            return items;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
}

/// The accounts that have an address.
async fn accounts(email: &str) -> Vec<Value> {
    let mut accounts = listed("ListAccounts", "Accounts", json!({})).await;
    accounts.retain(|account| account["Email"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(email)));
    accounts
}

/// The one account that has an address; panics if there are none or several.
async fn the_account(email: &str) -> Value {
    let accounts = accounts(email).await;
    assert_eq!(accounts.len(), 1, "one account is right: {accounts:?}");
    accounts[0].clone()
}

async fn root() -> String {
    let roots = organizations("ListRoots", json!({})).await.unwrap();
    roots["Roots"][0]["Id"].as_str().unwrap().to_owned()
}

/// An OU under the root that belongs to nobody's stack.
async fn ou() -> String {
    let input = json!({ "ParentId": root().await, "Name": unique("ou") });
    let made = organizations("CreateOrganizationalUnit", input).await.unwrap();
    made["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned()
}

async fn parent(child: &str) -> String {
    let parents = organizations("ListParents", json!({ "ChildId": child })).await.unwrap();
    parents["Parents"][0]["Id"].as_str().unwrap().to_owned()
}

/// A name that no other test has.
fn unique(prefix: &str) -> String {
    format!("{prefix}-{:08x}", fastrand::u32(..))
}

/// An account of that name and an address made of it.
fn named(name: &str) -> Value {
    json!({ "Name": name, "Email": email(name) })
}

fn email(name: &str) -> String {
    format!("aws+{name}@example.com")
}

/// Sets properties.
fn with(mut properties: Value, more: Value) -> Value {
    if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    properties
}

/// Whether a text is what `!Ref` of an account reads.
fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What Organizations says while another change is under way.
fn busy(call: &Call, code: &str) -> Fault {
    Fault::Before(call.error(400, code, "AWS Organizations can't complete your request; try again later."))
}

fn cut_after() -> Fault {
    Fault::After(Reply::Cut)
}
