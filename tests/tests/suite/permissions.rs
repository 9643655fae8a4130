//! Each function's policy in template.yaml allows the actions that its code calls, and no others.

use std::{collections::BTreeSet, fs, path::Path};

use archipelago_tests::binary::workspace;

/// The clients by the words that stand before a call, and the prefix of their actions.
const CLIENTS: [(&str, &str); 7] = [
    ("client().", "organizations"),
    ("api().", "organizations"),
    ("self.account.", "account"),
    ("self.ec2.", "ec2"),
    ("self.ram.", "ram"),
    ("self.shares.ram.", "ram"),
    ("self.sts.", "sts"),
];

/// What the methods of a shared crate call for those that use them.
type Methods = &'static [(&'static str, &'static [&'static str])];

/// The shared crates that call.
const SHARED: [(&str, Methods); 3] =
    [("organizations", ORGANIZATIONS), ("policy-statement", POLICY_STATEMENT), ("resource-shares", RESOURCE_SHARES)];

const ORGANIZATIONS: Methods = &[
    (".root()", &["organizations:ListRoots"]),
    (".root_id()", &["organizations:ListRoots"]),
    (".parent(", &["organizations:ListParents"]),
    (".tags(", &["organizations:ListTagsForResource"]),
    (".carries(", &["organizations:ListTagsForResource"]),
    (".change_tags(", &["organizations:TagResource", "organizations:UntagResource"]),
    (".keep_tags(", &["organizations:ListTagsForResource", "organizations:TagResource", "organizations:UntagResource"]),
    (".set_tags(", &["organizations:TagResource"]),
];

const RESOURCE_SHARES: Methods = &[
    (".associations(", &["ram:GetResourceShareAssociations"]),
    (".change_tags(", &["ram:TagResource", "ram:UntagResource"]),
    (".ensure_associated(", &["ram:AssociateResourceShare"]),
    (".ensure_disassociated(", &["ram:DisassociateResourceShare"]),
    (".marked(", &["ram:GetResourceShares"]),
    (".organization(", &["organizations:DescribeOrganization"]),
    (".share(", &["ram:GetResourceShares"]),
];

/// What the shared crate `policy-statement` calls for all its stores, by the word that every statement type says.
const POLICY_STATEMENT: Methods = &[("Statements::new(", &["dynamodb:UpdateItem", "sts:AssumeRole"])];

/// Everybody may ask who they are.
const FREE: &str = "sts:GetCallerIdentity";

/// What Lambda calls, with the role of the function that its queue feeds.
const OF_THE_QUEUE: (&str, [&str; 3]) =
    ("failure-responder", ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]);

/// What every function may do beside its calls: `ContinueItself`, `HandOverFailures`, `WriteLogs`, and the roles that AWS
/// makes on its behalf.
const BESIDE: [&str; 5] = [
    "iam:CreateServiceLinkedRole",
    "lambda:InvokeFunction",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
];

/// The code of a folder without its tests and without white space.
fn code(folder: &Path) -> String {
    let mut code = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code += &self::code(&path);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            code.extend(text.split("#[cfg(test)]").next().unwrap().split_whitespace());
        }
    }
    code
}

/// `create_account` as AWS writes it.
fn operation(call: &str) -> String {
    let words = call.split('_').map(|word| match word {
        // Organizations' own spelling.
        "aws" if call.contains("service_access") => "AWS".to_owned(),
        word => word[..1].to_uppercase() + &word[1..],
    });
    words.collect()
}

fn called(handler: &str) -> BTreeSet<String> {
    let folder = workspace().join("handlers").join(handler);
    let code = code(&folder.join("src"));
    let mut called = BTreeSet::new();
    let statements = handler.strip_suffix("-statement").and_then(|name| name.split('-').next());
    let store = [("self.0.", statements.unwrap_or_default()), ("client.", statements.unwrap_or_default())];
    let clients = if statements.is_some() { &store[..] } else { &CLIENTS[..] };
    for (words, service) in clients {
        for rest in code.split(words).skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if rest[name.len()..].starts_with("()") {
                called.insert(format!("{service}:{}", operation(&name)));
            }
        }
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let uses = |name: &str| manifest.lines().any(|line| line == format!("{name}.workspace = true"));
    let methods = SHARED.iter().filter(|(name, _)| uses(name)).flat_map(|(_, methods)| *methods);
    let actions = methods.filter(|(method, _)| code.contains(method)).flat_map(|(_, actions)| *actions);
    called.extend(actions.map(|action| (*action).to_owned()));
    called.remove(FREE);
    called
}

fn allowed(handler: &str) -> BTreeSet<String> {
    let template = fs::read_to_string(workspace().join("template.yaml")).unwrap();
    let policy =
        template.split(&format!("PolicyName: {handler}\n")).nth(1).unwrap_or_else(|| panic!("no policy {handler}"));
    let policy = policy.split("AWS::Logs::LogGroup").next().unwrap();
    let is_action = |word: &&str| {
        let (service, action) = word.split_once(':').unwrap_or_default();
        !service.is_empty()
            && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && action.starts_with(|c: char| c.is_ascii_uppercase())
            && action.chars().all(|c| c.is_ascii_alphanumeric())
    };
    // The keys and values of a condition are written like actions.
    let lines = policy.lines().filter(|line| !line.trim_start().starts_with("Condition: {"));
    let words = lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || "[],\"".contains(c))).filter(is_action);
    words.filter(|word| !BESIDE.contains(word)).map(ToOwned::to_owned).collect()
}

#[test]
fn every_function_may_do_what_its_code_calls_and_nothing_else() {
    for handler in fs::read_dir(workspace().join("handlers")).unwrap() {
        let handler = handler.unwrap().file_name().into_string().unwrap();
        let mut called = called(&handler);
        if handler == OF_THE_QUEUE.0 {
            called.extend(OF_THE_QUEUE.1.map(ToOwned::to_owned));
        }
        assert!(called.len() >= 3, "{handler}: {called:?}");
        assert_eq!(called, allowed(&handler), "{handler}: what it calls, and what it may do");
    }
}

#[test]
fn every_function_may_hand_over_what_it_leaves_unanswered() {
    let template = fs::read_to_string(workspace().join("template.yaml")).unwrap();
    for policy in template.split("PolicyName: ").skip(1) {
        let (handler, policy) = policy.split_once('\n').unwrap();
        let policy = policy.split("AWS::Logs::LogGroup").next().unwrap();
        let policy: String = policy.split_whitespace().collect();
        let hands_over = policy.contains("Action:sqs:SendMessageResource:!GetAttFailures.Arn");
        assert_eq!(hands_over, handler != OF_THE_QUEUE.0, "{handler}");
    }
}

#[test]
fn a_call_is_named_as_aws_writes_it() {
    assert_eq!(operation("list_create_account_status"), "ListCreateAccountStatus");
    assert_eq!(operation("enable_aws_service_access"), "EnableAWSServiceAccess");
    assert_eq!(operation("enable_sharing_with_aws_organization"), "EnableSharingWithAwsOrganization");
}
