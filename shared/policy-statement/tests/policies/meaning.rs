//! Two statements mean the same under the listed rewrites, and under nothing else.

use std::collections::BTreeMap;

use policy_statement::Document;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

fn means_the_same(left: &str, right: &str) -> bool {
    let document = |statement| Document::parse(&format!(r#"{{"Statement":[{statement}]}}"#)).unwrap();
    document(left).keeps_foreign(&document(right), "0123456789")
}

type Set = Vec<String>;

fn set(items: &[&'static str]) -> impl Strategy<Value = Set> + use<> {
    btree_set(select(items.to_vec()), 1..=items.len()).prop_map(|set| set.into_iter().map(str::to_owned).collect())
}

#[derive(Clone, Debug)]
struct Grant {
    effect: &'static str,
    /// The names of the three elements, each with or without Not.
    names: [&'static str; 3],
    actions: Set,
    resources: Set,
    principals: BTreeMap<&'static str, Set>,
    condition: BTreeMap<&'static str, BTreeMap<&'static str, Set>>,
}

fn grant() -> impl Strategy<Value = Grant> {
    let names = (select(vec!["Action", "NotAction"]), select(vec!["Resource", "NotResource"]));
    let aws = || set(&["111111111111", "222222222222", "arn:aws:iam::333333333333:role/deploy", "*"]);
    let service = set(&["lambda.amazonaws.com", "111111111111"]);
    let principals = prop_oneof![
        Just(BTreeMap::from([("AWS", vec!["*".to_owned()])])),
        aws().prop_map(|aws| BTreeMap::from([("AWS", aws)])),
        (aws(), service).prop_map(|(aws, service)| BTreeMap::from([("AWS", aws), ("Service", service)])),
    ];
    let values = set(&["true", "false", "3", "3.0", "arn:aws:iam::111111111111:root", "111111111111", "Abc", "abc"]);
    let keys = btree_map(select(vec!["aws:SourceArn", "aws:SecureTransport", "aws:RequestTag/Team"]), values, 1..3);
    (
        select(vec!["Allow", "Deny"]),
        names,
        set(&["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:Batch*", "*"]),
        set(&["arn:aws:s3:::a", "arn:aws:s3:::a/*", "arn:aws:s3:::A", "*"]),
        principals,
        btree_map(select(vec!["StringEquals", "ForAnyValue:StringLike", "Bool"]), keys, 0..3),
    )
        .prop_map(|(effect, (action, resource), actions, resources, principals, condition)| Grant {
            effect,
            names: [action, resource, "Principal"],
            actions,
            resources,
            principals,
            condition,
        })
}

/// Writes a grant down, in a spelling that the coins decide.
struct Pen {
    coins: Vec<bool>,
    next: usize,
}

impl Pen {
    fn toss(&mut self) -> bool {
        self.next += 1;
        self.coins[self.next % self.coins.len()]
    }

    fn set(&mut self, items: &[String], mut spell: impl FnMut(&mut Self, &str) -> Value) -> Value {
        let mut list: Vec<_> = items.iter().map(|item| spell(self, item)).collect();
        if let Some(first) = items.first().filter(|_| self.toss()) {
            list.push(spell(self, first));
        }
        if self.toss() {
            list.reverse();
        }
        if list.len() == 1 && self.toss() { list.remove(0) } else { json!(list) }
    }

    fn object(&mut self, mut members: Vec<(String, Value)>) -> Value {
        if self.toss() {
            members.reverse();
        }
        json!(members.into_iter().collect::<serde_json::Map<_, _>>())
    }

    fn action(&mut self, action: &str) -> Value {
        if self.toss() { json!(action.to_uppercase()) } else { json!(action) }
    }

    fn principal(&mut self, principal: &str) -> Value {
        let partition = if self.toss() { "aws" } else { "aws-cn" };
        let is_id = principal.starts_with(|first: char| first.is_ascii_digit());
        if is_id && self.toss() { json!(format!("arn:{partition}:iam::{principal}:root")) } else { json!(principal) }
    }

    fn scalar(&mut self, scalar: &str) -> Value {
        match scalar {
            "true" | "false" | "3" | "3.0" if self.toss() => serde_json::from_str(scalar).unwrap(),
            _ => json!(scalar),
        }
    }

    fn write(&mut self, grant: &Grant) -> String {
        let mut members = vec![("Effect".to_owned(), json!(grant.effect))];
        members.push((grant.names[0].to_owned(), self.set(&grant.actions, Self::action)));
        members.push((grant.names[1].to_owned(), self.set(&grant.resources, |_, resource| json!(resource))));
        let everyone = grant.principals == BTreeMap::from([("AWS", vec!["*".to_owned()])]);
        let principals = if everyone && self.toss() {
            json!("*")
        } else {
            let by_kind = grant.principals.iter().map(|(kind, principals)| {
                let written = match *kind {
                    "AWS" => self.set(principals, Self::principal),
                    _ => self.set(principals, |_, principal| json!(principal)),
                };
                ((*kind).to_owned(), written)
            });
            let by_kind = by_kind.collect();
            self.object(by_kind)
        };
        members.push((grant.names[2].to_owned(), principals));
        if !grant.condition.is_empty() {
            let mut operators = Vec::new();
            for (operator, keys) in &grant.condition {
                let mut written = Vec::new();
                for (key, values) in keys {
                    let folds = !key.contains('/') && self.toss();
                    let key = if folds { key.to_uppercase() } else { (*key).to_owned() };
                    written.push((key, self.set(values, Self::scalar)));
                }
                operators.push(((*operator).to_owned(), self.object(written)));
            }
            members.push(("Condition".to_owned(), self.object(operators)));
        }
        self.object(members).to_string()
    }
}

fn written(grant: &Grant, coins: &[bool]) -> String {
    Pen { coins: coins.to_vec(), next: 0 }.write(grant)
}

fn sets(grant: &mut Grant) -> Vec<&mut Set> {
    let condition = grant.condition.values_mut().flat_map(BTreeMap::values_mut);
    let principals = grant.principals.values_mut();
    [&mut grant.actions, &mut grant.resources].into_iter().chain(principals).chain(condition).collect()
}

/// Every grant that differs from this one in one thing.
fn changes(grant: &Grant) -> Vec<Grant> {
    let mut changed = Vec::new();
    let mut change = |make: &dyn Fn(&mut Grant)| {
        let mut other = grant.clone();
        make(&mut other);
        changed.push(other);
    };
    for index in 0..sets(&mut grant.clone()).len() {
        change(&|other| sets(other)[index].push("ecr:New".to_owned()));
        change(&|other| sets(other)[index][0].push('x'));
        change(&|other| sets(other)[index][0].replace_range(.., "999999999999"));
        change(&|other| drop(sets(other)[index].remove(0)));
    }
    change(&|other| other.effect = if other.effect == "Allow" { "Deny" } else { "Allow" });
    change(&|other| other.names[0] = if other.names[0] == "Action" { "NotAction" } else { "Action" });
    change(&|other| other.names[1] = if other.names[1] == "Resource" { "NotResource" } else { "Resource" });
    change(&|other| other.names[2] = "NotPrincipal");
    change(&|other| drop(other.principals.insert("Federated", vec!["a.b".to_owned()])));
    change(&|other| drop(other.condition.insert("Null", BTreeMap::from([("aws:SourceArn", vec!["true".to_owned()])]))));
    for operator in grant.condition.keys() {
        change(&|other| drop(other.condition.remove(operator)));
        change(&|other| {
            let keys = other.condition.remove(operator).unwrap();
            other.condition.insert("ArnLike", keys);
        });
        change(&|other| {
            let keys = other.condition.get_mut(operator).unwrap();
            let (_, values) = keys.pop_first().unwrap();
            keys.insert("aws:PrincipalArn", values);
        });
        change(&|other| {
            let keys = other.condition.get_mut(operator).unwrap();
            if let Some(values) = keys.remove("aws:RequestTag/Team") {
                keys.insert("aws:RequestTag/team", values);
            } else {
                keys.insert("aws:RequestTag/Team", vec!["x".to_owned()]);
            }
        });
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_rewrite_means_the_same_both_ways(grant in grant(), one in vec(any::<bool>(), 37), other in vec(any::<bool>(), 41)) {
        let (one, other, plain) = (written(&grant, &one), written(&grant, &other), written(&grant, &[false]));
        prop_assert!(means_the_same(&one, &one), "{}", one);
        prop_assert!(means_the_same(&one, &plain) && means_the_same(&plain, &one), "{}\n{}", one, plain);
        prop_assert!(means_the_same(&other, &plain) && means_the_same(&plain, &other), "{}\n{}", other, plain);
    }

    #[test]
    fn a_change_never_means_the_same(grant in grant(), one in vec(any::<bool>(), 37), other in vec(any::<bool>(), 41)) {
        let one = written(&grant, &one);
        for changed in changes(&grant) {
            let other = written(&changed, &other);
            prop_assert!(!means_the_same(&one, &other) && !means_the_same(&other, &one), "{}\n{}", one, other);
        }
    }
}

#[test]
fn these_mean_the_same() {
    for (left, right) in [
        (r#"{"Sid":"A","Effect":"Allow"}"#, r#"{"Effect":"Allow","Sid":"A"}"#),
        (r#"{"Action":"ecr:GET*"}"#, r#"{"Action":["ECR:get*","ecr:Get*"]}"#),
        (r#"{"Principal":"*"}"#, r#"{"Principal":{"AWS":["*"]}}"#),
        (r#"{"Principal":{"AWS":"111111111111"}}"#, r#"{"Principal":{"AWS":"arn:aws-us-gov:iam::111111111111:root"}}"#),
        // An account exists in one partition, so there is no other account of that id.
        (
            r#"{"Principal":{"AWS":"arn:aws:iam::111111111111:root"}}"#,
            r#"{"Principal":{"AWS":"arn:aws-cn:iam::111111111111:root"}}"#,
        ),
        (r#"{"Condition":{"Bool":{"aws:A":true}}}"#, r#"{"Condition":{"Bool":{"AWS:a":["true"]}}}"#),
        (r#"{"Condition":{"NumericEquals":{"a:b":1.0}}}"#, r#"{"Condition":{"NumericEquals":{"a:b":"1.0"}}}"#),
        // Where nothing must hold, all of it does.
        (r#"{"Condition":{}}"#, "{}"),
        (r#"{"Condition":{"StringEquals":{}}}"#, "{}"),
        (r#"{"Condition":{"Bool":{"a:b":"true"},"Null":{}}}"#, r#"{"Condition":{"Bool":{"a:b":"true"}}}"#),
        (r#"{"Resource":"a\u002fb"}"#, r#"{"Resource":"a/b"}"#),
        (r#"{"Later":[1,{"a":null}]}"#, r#"{"Later":[1,{"a":null}]}"#),
    ] {
        assert!(means_the_same(left, right) && means_the_same(right, left), "{left} {right}");
    }
}

#[test]
fn these_may_differ_so_they_do() {
    for (left, right) in [
        (r#"{"Sid":"A"}"#, r#"{"Sid":"B"}"#),
        (r#"{"Sid":"A"}"#, "{}"),
        (r#"{"Effect":"Allow"}"#, r#"{"Effect":"allow"}"#),
        (r#"{"Effect":"Allow"}"#, r#"{"Effect":["Allow"]}"#),
        (r#"{"Effect":"Allow"}"#, r#"{"Effect":"Allow","Effect":"Deny"}"#),
        (r#"{"Principal":{"AWS":"11111111111"}}"#, r#"{"Principal":{"AWS":"arn:aws:iam::11111111111:root"}}"#),
        (
            r#"{"Principal":{"Service":"111111111111"}}"#,
            r#"{"Principal":{"Service":"arn:aws:iam::111111111111:root"}}"#,
        ),
        (r#"{"Principal":"111111111111"}"#, r#"{"Principal":{"AWS":"111111111111"}}"#),
        (r#"{"Principal":{"AWS":["a"]}}"#, r#"{"Principal":{"AWS":["a"],"AWS":["a"]}}"#),
        (r#"{"Principal":{"AWS":[]}}"#, r#"{"Principal":{}}"#),
        (r#"{"Action":[]}"#, "{}"),
        (r#"{"Action":["a:b",1]}"#, r#"{"Action":[1,"a:b"]}"#),
        (r#"{"Resource":"a"}"#, r#"{"Resource":"A"}"#),
        (r#"{"Condition":{"Bool":{"aws:A":"true"}}}"#, r#"{"Condition":{"Bool":{"aws:A":"True"}}}"#),
        (r#"{"Condition":{"Bool":{"aws:A":"true"}}}"#, r#"{"Condition":{"bool":{"aws:A":"true"}}}"#),
        (r#"{"Condition":{"Bool":{"aws:A":null}}}"#, r#"{"Condition":{"Bool":{"aws:A":"null"}}}"#),
        (r#"{"Condition":{"Bool":{"aws:A":1}}}"#, r#"{"Condition":{"Bool":{"aws:A":1.0}}}"#),
        (r#"{"Condition":{"Bool":{"aws:A":"1","AWS:a":"1"}}}"#, r#"{"Condition":{"Bool":{"aws:A":"1"}}}"#),
        (
            r#"{"Condition":{"StringEquals":{"kms:EncryptionContext:Team":"a"}}}"#,
            r#"{"Condition":{"StringEquals":{"kms:EncryptionContext:team":"a"}}}"#,
        ),
        (r#"{"Condition":[]}"#, "{}"),
        (r#"{"Condition":{"StringEquals":[]}}"#, "{}"),
        (r#"{"Condition":{"StringEquals":{"a:b":[]}}}"#, "{}"),
        (r#"{"Condition":{"StringEquals":{},"StringEquals":{}}}"#, "{}"),
        (r#"{"Later":{}}"#, "{}"),
        (r#"{"Later":[1,2]}"#, r#"{"Later":[2,1]}"#),
        (r#"{"Later":1.0}"#, r#"{"Later":1}"#),
    ] {
        assert!(!means_the_same(left, right) && !means_the_same(right, left), "{left} {right}");
    }
}
