//! Organizations, with the accounts in it and the roles in these.

use std::collections::BTreeMap;

use archipelago_tests::call::Call;
use archipelago_tests::http::Reply;
use serde_json::{Value, json};

use super::ACCOUNT;
use super::wire::{DATE, json as answer, query, text};

const ID: &str = "o-exampleorgid";
const ROOT: &str = "r-ab12";
/// The one account that can be made.
const MEMBER: &str = "222222222222";

#[derive(Clone)]
pub(super) struct Organization {
    pub(super) exists: bool,
    policy_types: Vec<String>,
    services: Vec<String>,
    units: BTreeMap<String, Unit>,
    account: Option<Account>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Clone)]
struct Unit {
    name: String,
    parent: String,
}

#[derive(Clone)]
struct Account {
    name: String,
    email: String,
    parent: String,
}

impl Default for Organization {
    fn default() -> Self {
        let (policy_types, services) = Default::default();
        let (units, account, tags) = Default::default();
        Self { exists: true, policy_types, services, units, account, tags }
    }
}

impl Organization {
    pub(super) fn answer(&mut self, call: &Call) -> Option<Reply> {
        if call.operation == "DescribeOrganization" && !self.exists {
            return Some(call.error(
                400,
                "AWSOrganizationsNotInUseException",
                "Your account is not in an organization.",
            ));
        }
        let tried = [Self::of_the_whole, Self::of_units, Self::of_accounts, Self::of_tags];
        let answered = tried.iter().find_map(|part| part(self, call));
        answered.map(|value| answer(&value)).or_else(|| of_roles(call))
    }

    fn of_the_whole(&mut self, call: &Call) -> Option<Value> {
        Some(match call.operation.as_str() {
            "DescribeOrganization" | "CreateOrganization" => {
                self.exists = true;
                json!({ "Organization": {
                    "Id": ID, "Arn": format!("arn:aws:organizations::{ACCOUNT}:organization/{ID}"), "FeatureSet": "ALL",
                    "MasterAccountId": ACCOUNT,
                } })
            }
            "ListRoots" => json!({ "Roots": [self.root()] }),
            "EnablePolicyType" => {
                self.policy_types.push(text(call, "PolicyType").to_owned());
                json!({ "Root": self.root() })
            }
            "DisablePolicyType" => {
                self.policy_types.retain(|known| known != text(call, "PolicyType"));
                json!({ "Root": self.root() })
            }
            "ListAWSServiceAccessForOrganization" => {
                let enabled = self.services.iter().map(|service| json!({ "ServicePrincipal": service }));
                json!({ "EnabledServicePrincipals": enabled.collect::<Vec<_>>() })
            }
            "EnableAWSServiceAccess" => {
                self.services.push(text(call, "ServicePrincipal").to_owned());
                json!({})
            }
            "DisableAWSServiceAccess" => {
                self.services.retain(|known| known != text(call, "ServicePrincipal"));
                json!({})
            }
            _ => return None,
        })
    }

    fn root(&self) -> Value {
        let types = self.policy_types.iter().map(|kind| json!({ "Type": kind, "Status": "ENABLED" }));
        json!({ "Id": ROOT, "Name": "Root", "PolicyTypes": types.collect::<Vec<_>>() })
    }

    fn of_units(&mut self, call: &Call) -> Option<Value> {
        let id = text(call, "OrganizationalUnitId");
        Some(match call.operation.as_str() {
            "ListOrganizationalUnitsForParent" => {
                let parent = text(call, "ParentId");
                let children = self.units.iter().filter(|(_, unit)| unit.parent == parent);
                json!({ "OrganizationalUnits": children.map(|(id, unit)| described(id, unit)).collect::<Vec<_>>() })
            }
            "CreateOrganizationalUnit" => {
                let id = format!("ou-ab12-{:08}", self.units.len());
                let unit = Unit { name: text(call, "Name").to_owned(), parent: text(call, "ParentId").to_owned() };
                self.tag(&id, &call.input["Tags"]);
                let made = json!({ "OrganizationalUnit": described(&id, &unit) });
                self.units.insert(id, unit);
                made
            }
            "UpdateOrganizationalUnit" => {
                let unit = self.units.get_mut(id)?;
                text(call, "Name").clone_into(&mut unit.name);
                json!({ "OrganizationalUnit": described(id, unit) })
            }
            "DescribeOrganizationalUnit" => json!({ "OrganizationalUnit": described(id, self.units.get(id)?) }),
            "DeleteOrganizationalUnit" => {
                self.units.remove(id);
                json!({})
            }
            "ListParents" => {
                let child = text(call, "ChildId");
                let parent = self.units.get(child).map(|unit| &unit.parent);
                let parent = parent.or(self.account.as_ref().map(|account| &account.parent))?;
                let kind = if parent == ROOT { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
                json!({ "Parents": [{ "Id": parent, "Type": kind }] })
            }
            _ => return None,
        })
    }

    fn of_accounts(&mut self, call: &Call) -> Option<Value> {
        Some(match call.operation.as_str() {
            "ListCreateAccountStatus" => json!({ "CreateAccountStatuses": [] }),
            "ListAccounts" => {
                json!({ "Accounts": self.account.iter().map(Account::described).collect::<Vec<_>>() })
            }
            "CreateAccount" => {
                let value = |name| text(call, name).to_owned();
                let account = Account { name: value("AccountName"), email: value("Email"), parent: ROOT.to_owned() };
                self.tag(MEMBER, &call.input["Tags"]);
                self.account = Some(account);
                json!({ "CreateAccountStatus": {
                    "Id": "car-0123456789abcdef0123456789abcdef", "State": "SUCCEEDED", "AccountId": MEMBER,
                    "AccountName": call.input["AccountName"],
                } })
            }
            "DescribeAccount" => json!({ "Account": self.account.as_ref()?.described() }),
            "MoveAccount" => {
                text(call, "DestinationParentId").clone_into(&mut self.account.as_mut()?.parent);
                json!({})
            }
            _ => return None,
        })
    }

    fn of_tags(&mut self, call: &Call) -> Option<Value> {
        let id = text(call, "ResourceId");
        Some(match call.operation.as_str() {
            "ListTagsForResource" => {
                let tags = self.tags.get(id).into_iter().flatten();
                json!({ "Tags": tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Vec<_>>() })
            }
            "TagResource" => {
                self.tag(id, &call.input["Tags"]);
                json!({})
            }
            "UntagResource" => {
                let keys = call.input["TagKeys"].as_array()?;
                self.tags.entry(id.to_owned()).or_default().retain(|key, _| !keys.iter().any(|gone| gone == key));
                json!({})
            }
            _ => return None,
        })
    }

    fn tag(&mut self, id: &str, tags: &Value) {
        let tags = tags.as_array().into_iter().flatten();
        let pair = |tag: &Value| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned()));
        self.tags.entry(id.to_owned()).or_default().extend(tags.filter_map(pair));
    }
}

impl Account {
    fn described(&self) -> Value {
        json!({
            "Id": MEMBER, "Arn": format!("arn:aws:organizations::{ACCOUNT}:account/{ID}/{MEMBER}"), "Name": self.name,
            "Email": self.email, "Status": "ACTIVE", "State": "ACTIVE",
        })
    }
}

fn described(id: &str, unit: &Unit) -> Value {
    json!({ "Id": id, "Arn": format!("arn:aws:organizations::{ACCOUNT}:ou/{ID}/{id}"), "Name": unit.name })
}

fn of_roles(call: &Call) -> Option<Reply> {
    Some(query(
        call,
        &match call.operation.as_str() {
            "AssumeRole" => format!(
                "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>EXAMPLE</SecretAccessKey>\
                 <SessionToken>EXAMPLE</SessionToken><Expiration>{DATE}</Expiration></Credentials>"
            ),
            "GetCallerIdentity" => format!("<Account>{MEMBER}</Account>"),
            _ => return None,
        },
    ))
}
