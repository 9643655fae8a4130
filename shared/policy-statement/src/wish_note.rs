//! A request and its wish, as they are noted in the item of its claim.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use custom_resource::request_note::Begun;

use crate::{
    Statement,
    claim_record::{
        ALONE, CALLER, DIGEST, DONE, EXPIRES, HAS_EXTERNAL_ID, ITEM, LOCATION, LOGICAL_ID, POLICY, PUT, ROLE_ARN,
        STACK_ID, TABLE, TAKEN, UNCHECKED, VARIABLE, VERSION, VERSION_NAME, WISH, WISH_ENDS, WITHDRAWN, listed,
    },
    claimant::Claimant,
    item_update::{NEVER, in_a_day, millis},
};

/// `RequestNote` names the rank, which each item of a claim has.
const IS_NEW_OR_OF_THIS_VERSION: &str = "attribute_not_exists(#rank) OR #version = :version";

/// Lambda may hand over an event again that has ended.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const HAS_NOT_ENDED: &str = "(attribute_not_exists(#done) OR #done <> :latest) AND \
                             (attribute_not_exists(#withdrawn) OR #withdrawn <> :latest) AND #wish = :wish";

/// What a request that comes again sets beside its note, if it wishes the same: what is known of its wish stays, and whoever has a caller's
/// request checked can't wish something else in its name.
const LEAVE_WISH_AGAIN: &str = "#ends = :ends, #variable = :variable";

/// What a request sets beside its note that wasn't the latest. An item that has statements, or is to have some, has no time in `Expires` but
/// a text, which keeps it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>
const LEAVE_WISH: &str = "#version = :version, #stack = :stack, #logical = :logical, #caller = :caller, #location = :location, \
                          #role = :role, #external = :external, #table = :table, #wish = :wish, #ends = :ends, \
                          #variable = :variable, #unchecked = :unchecked, #expires = if_not_exists(#digest, :expires) REMOVE #alone, #taken, #put";

/// What a request wishes, and who asks.
pub(crate) struct WishNote<'a> {
    pub(crate) client: &'a Client,
    pub(crate) table: &'a str,
    pub(crate) now: Duration,
    pub(crate) claimant: &'a Claimant<'a>,
    pub(crate) statements: &'a [Statement],
    /// The path of an element with a policy variable.
    pub(crate) variable: Option<&'a str>,
    /// When nobody waits for it any more.
    pub(crate) ends: Duration,
}

impl WishNote<'_> {
    /// Begins the update for a request that wasn't the latest.
    pub(crate) fn first(&self) -> Begun {
        let names = [
            ("#version", VERSION_NAME),
            ("#stack", STACK_ID),
            ("#logical", LOGICAL_ID),
            ("#caller", CALLER),
            ("#location", LOCATION),
            ("#role", ROLE_ARN),
            ("#external", HAS_EXTERNAL_ID),
            ("#table", TABLE),
            ("#expires", EXPIRES),
            ("#digest", DIGEST),
            ("#unchecked", UNCHECKED),
            ("#alone", ALONE),
            ("#taken", TAKEN),
            ("#put", PUT),
        ];
        let claimant = self.claimant;
        let is_to_stay = !self.statements.is_empty();
        let expires = if is_to_stay { AttributeValue::S(NEVER.to_owned()) } else { in_a_day(self.now) };
        let request = named(self.wish(), &names)
            .condition_expression(IS_NEW_OR_OF_THIS_VERSION)
            .expression_attribute_values(":version", AttributeValue::N(VERSION.to_owned()))
            .expression_attribute_values(":stack", text(claimant.owner.stack_id()))
            .expression_attribute_values(":logical", text(claimant.owner.logical_id()))
            .expression_attribute_values(":caller", text(claimant.caller.as_deref().unwrap_or_default()))
            .expression_attribute_values(":unchecked", AttributeValue::Bool(claimant.is_unchecked))
            .expression_attribute_values(":location", text(&claimant.location))
            .expression_attribute_values(":role", text(claimant.role_arn.unwrap_or_default()))
            .expression_attribute_values(":external", AttributeValue::Bool(claimant.has_external_id))
            .expression_attribute_values(":table", text(self.table))
            .expression_attribute_values(":expires", expires);
        (request, LEAVE_WISH)
    }

    /// Begins it for the latest request, which comes again and hasn't ended.
    pub(crate) fn again(&self) -> Begun {
        let request = named(self.wish(), &[("#done", DONE), ("#withdrawn", WITHDRAWN)]);
        (request.condition_expression(HAS_NOT_ENDED), LEAVE_WISH_AGAIN)
    }

    fn wish(&self) -> UpdateItemFluentBuilder {
        let request = self.client.update_item().table_name(self.table).return_values(ReturnValue::AllNew);
        let request = request.key(POLICY, text(self.claimant.policy)).key(ITEM, text(self.claimant.key));
        named(request, &[("#wish", WISH), ("#ends", WISH_ENDS), ("#variable", VARIABLE)])
            .expression_attribute_values(":wish", listed(self.statements))
            .expression_attribute_values(":ends", millis(self.ends))
            .expression_attribute_values(":variable", text(self.variable.unwrap_or_default()))
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn named(request: UpdateItemFluentBuilder, names: &[(&'static str, &'static str)]) -> UpdateItemFluentBuilder {
    names.iter().fold(request, |request, (placeholder, name)| request.expression_attribute_names(*placeholder, *name))
}
