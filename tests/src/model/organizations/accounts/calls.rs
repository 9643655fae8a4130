//! What Organizations answers about accounts.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::contents::{Contents, pairs};
use super::super::ids::ROOT;
use super::{Account, CLOSED_IN, LISTED_IN, MADE_IN, READY_IN, Request, page};

impl Contents {
    /// Makes an account of somebody else, and returns its id.
    pub fn make_account(&mut self, parent: &str, name: &str, email: &str, tags: &[(&str, &str)]) -> String {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (parent, name, email) = (parent.to_owned(), name.to_owned(), email.to_owned());
        let now = Instant::now();
        let (made_at, listed_at, ready_at) = (now, now, now);
        self.insert_account(Account { parent, name, email, tags, made_at, listed_at, ready_at, closed_at: None })
    }

    /// Closes an account.
    pub fn close_account(&mut self, id: &str, at: Instant) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.closed_at = Some(at);
        }
    }

    /// Lets so many requests for an address fail.
    pub fn fail_accounts(&mut self, email: &str, times: usize, reason: &'static str) {
        self.failing.insert(email.to_owned(), (times, reason));
    }

    fn insert_account(&mut self, account: Account) -> String {
        let id = format!("2{:011}", self.number());
        self.accounts.insert(id.clone(), account);
        id
    }

    /// An account that has been made.
    pub(in crate::model::organizations) fn account(&mut self, id: &str, now: Instant) -> Option<&mut Account> {
        self.accounts.get_mut(id).filter(|account| account.is_there(now))
    }

    /// The answer to an operation on accounts; `None` if it is no such operation.
    pub(in crate::model::organizations) fn ask_of_accounts(
        &mut self,
        operation: &str,
        request: &Value,
        now: Instant,
    ) -> Option<Result<Value, &'static str>> {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let id = text("AccountId");
        Some(match operation {
            "ListAccounts" => Ok(page("Accounts", self.accounts_in(None, now), request)),
            "ListAccountsForParent" if !self.is_parent(text("ParentId")) => Err("ParentNotFoundException"),
            "ListAccountsForParent" => Ok(page("Accounts", self.accounts_in(Some(text("ParentId")), now), request)),
            "DescribeAccount" => {
                let account = self.account(id, now).ok_or("AccountNotFoundException");
                account.map(|account| json!({ "Account": account.described(id, now) }))
            }
            "CreateAccount" => Ok(self.create_account(request, now)),
            "DescribeCreateAccountStatus" => {
                let request = self.requests.iter().find(|other| other.id == text("CreateAccountRequestId"));
                let request = request.ok_or("CreateAccountStatusNotFoundException");
                request.map(|request| json!({ "CreateAccountStatus": request.described(now) }))
            }
            "ListCreateAccountStatus" => {
                let states = request["States"].as_array();
                let is_asked = |state| states.is_none_or(|states| states.iter().any(|asked| asked == state));
                let found = self.requests.iter().filter(|request| is_asked(request.state(now)));
                let found = found.map(|request| request.described(now)).collect();
                Ok(page("CreateAccountStatuses", found, request))
            }
            "MoveAccount" => self.move_account(id, text("SourceParentId"), text("DestinationParentId"), now),
            "CloseAccount" => self.account(id, now).ok_or("AccountNotFoundException").and_then(|account| {
                if account.closed_at.is_some() {
                    return Err("AccountAlreadyClosedException");
                }
                account.closed_at = Some(now + CLOSED_IN);
                Ok(json!({}))
            }),
            "PutAccountName" => self.account(id, now).ok_or("AccessDeniedException").map(|account| {
                text("AccountName").clone_into(&mut account.name);
                json!({})
            }),
            "AssumeRole" => {
                let id = text("RoleArn").split(':').nth(4).unwrap_or_default();
                let account = self.account(id, now).filter(|account| account.is_ready(now));
                account.ok_or("AccessDenied").map(|_| {
                    json!({ "Credentials": {
                        "AccessKeyId": id, "SecretAccessKey": "secret", "SessionToken": "token",
                        "Expiration": "2030-01-01T00:00:00Z",
                    } })
                })
            }
            "GetCallerIdentity" => Ok(json!({})),
            _ => return None,
        })
    }

    fn accounts_in(&self, parent: Option<&str>, now: Instant) -> Vec<Value> {
        let there = self.accounts.iter().filter(|(_, account)| account.listed_at <= now);
        let there = there.filter(|(_, account)| parent.is_none_or(|parent| account.parent == parent));
        there.map(|(id, account)| account.described(id, now)).collect()
    }

    /// An address is taken from the moment an account with it is asked for.
    fn create_account(&mut self, request: &Value, now: Instant) -> Value {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let (name, email, ends_at) = (text("AccountName"), text("Email"), now + MADE_IN);
        let is_taken = self.accounts.values().any(|account| account.email.eq_ignore_ascii_case(&email));
        let makes = match self.failing.get_mut(&email) {
            Some((times, reason)) if *times > 0 => {
                *times -= 1;
                Err(*reason)
            }
            _ if is_taken => Err("EMAIL_ALREADY_EXISTS"),
            _ => Ok(self.insert_account(Account {
                parent: ROOT.to_owned(),
                name: name.clone(),
                email,
                tags: pairs(&request["Tags"]).collect(),
                made_at: ends_at,
                listed_at: ends_at + LISTED_IN,
                ready_at: ends_at + READY_IN,
                closed_at: None,
            })),
        };
        let request = Request { id: format!("car-request{:05}", self.number()), name, makes, ends_at };
        let described = request.described(now);
        self.requests.push(request);
        json!({ "CreateAccountStatus": described })
    }

    fn move_account(&mut self, id: &str, from: &str, to: &str, now: Instant) -> Result<Value, &'static str> {
        let (has_source, has_destination) = (self.is_parent(from), self.takes_children(to, now));
        let account = self.account(id, now).ok_or("AccountNotFoundException")?;
        if !has_destination {
            return Err("DestinationParentNotFoundException");
        }
        if account.parent == to {
            return Err("DuplicateAccountException");
        }
        if !has_source || account.parent != from {
            return Err("SourceParentNotFoundException");
        }
        to.clone_into(&mut account.parent);
        Ok(json!({}))
    }
}
