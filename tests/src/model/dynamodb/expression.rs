//! Expressions of `DynamoDB`, on items in its JSON: `{"Until": {"N": "1"}}`.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html>

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

pub(super) type Item = Map<String, Value>;

/// The clauses of an update.
const CLAUSES: [&str; 2] = ["SET", "REMOVE"];

/// What the placeholders of a request stand for.
#[derive(Debug)]
pub(super) struct Placeholders<'a> {
    request: &'a Value,
}

impl<'a> Placeholders<'a> {
    pub(super) fn of(request: &'a Value) -> Self {
        Self { request }
    }

    fn name(&self, word: &str) -> String {
        if !word.starts_with('#') {
            return word.to_owned();
        }
        let name = self.request["ExpressionAttributeNames"][word].as_str();
        name.unwrap_or_else(|| panic!("the request has no name {word}")).to_owned()
    }

    fn value(&self, word: &str) -> Value {
        let value = &self.request["ExpressionAttributeValues"][word];
        assert!(!value.is_null(), "the request has no value {word}");
        value.clone()
    }

    /// Whether the expressions of the request use all of them, and no others: AWS refuses any other request before it looks at
    /// the item.
    pub(super) fn are_those_of(&self, expressions: &[&str]) -> bool {
        let tokens = expressions.iter().flat_map(|expression| Tokens::of(expression).0);
        let used: BTreeSet<_> = tokens.filter(|token| token.starts_with(['#', ':'])).collect();
        let given =
            ["ExpressionAttributeNames", "ExpressionAttributeValues"].map(|given| self.request[given].as_object());
        used == given.into_iter().flatten().flat_map(Map::keys).cloned().collect()
    }

    /// Whether an item meets a condition.
    pub(super) fn is_met(&self, condition: &str, item: &Item) -> bool {
        let mut tokens = Tokens::of(condition);
        let is_met = self.any(&mut tokens, item);
        assert_eq!(tokens.peek(), None, "nothing follows a condition: {condition}");
        is_met
    }

    /// Changes an item as an update says.
    pub(super) fn update(&self, expression: &str, item: &mut Item) {
        let before = item.clone();
        let mut tokens = Tokens::of(expression);
        while let Some(clause) = tokens.next() {
            assert!(CLAUSES.contains(&&*clause), "an update begins with a clause: {expression}");
            loop {
                let name = self.name(&tokens.next().expect("an attribute"));
                match &*clause {
                    "SET" => {
                        tokens.expect("=");
                        item.insert(name, self.sum(&mut tokens, &before));
                    }
                    _ => drop(item.remove(&name)),
                }
                if !tokens.skip(",") {
                    break;
                }
            }
        }
    }

    fn any(&self, tokens: &mut Tokens, item: &Item) -> bool {
        let mut is_met = self.all(tokens, item);
        while tokens.skip("OR") {
            is_met |= self.all(tokens, item);
        }
        is_met
    }

    fn all(&self, tokens: &mut Tokens, item: &Item) -> bool {
        let mut is_met = self.one(tokens, item);
        while tokens.skip("AND") {
            is_met &= self.one(tokens, item);
        }
        is_met
    }

    fn one(&self, tokens: &mut Tokens, item: &Item) -> bool {
        if tokens.skip("NOT") {
            return !self.one(tokens, item);
        }
        if tokens.skip("(") {
            let is_met = self.any(tokens, item);
            tokens.expect(")");
            return is_met;
        }
        match tokens.peek() {
            Some("attribute_exists") => self.argument(tokens, item).is_some(),
            Some("attribute_not_exists") => self.argument(tokens, item).is_none(),
            _ => {
                let left = self.operand(tokens, item);
                let operator = tokens.next().expect("an operator");
                let right = self.operand(tokens, item);
                // What isn't there is neither equal to anything nor less.
                left.zip(right).is_some_and(|(left, right)| compare(&left, &operator, &right))
            }
        }
    }

    /// The attribute that a function of one argument asks for.
    fn argument(&self, tokens: &mut Tokens, item: &Item) -> Option<Value> {
        tokens.next();
        tokens.expect("(");
        let attribute = self.operand(tokens, item);
        tokens.expect(")");
        attribute
    }

    fn sum(&self, tokens: &mut Tokens, item: &Item) -> Value {
        let value = self.operand(tokens, item).expect("an attribute that is there");
        if tokens.skip("+") {
            let more = self.operand(tokens, item).expect("a value");
            return json!({ "N": (number(&value) + number(&more)).to_string() });
        }
        value
    }

    fn operand(&self, tokens: &mut Tokens, item: &Item) -> Option<Value> {
        let word = tokens.next().expect("an operand");
        match &*word {
            "if_not_exists" => {
                tokens.expect("(");
                let there = self.operand(tokens, item);
                tokens.expect(",");
                let other = self.operand(tokens, item);
                tokens.expect(")");
                there.or(other)
            }
            "list_append" => {
                tokens.expect("(");
                let mut list = items_of(self.operand(tokens, item)?);
                tokens.expect(",");
                list.extend(items_of(self.operand(tokens, item)?));
                tokens.expect(")");
                Some(json!({ "L": list }))
            }
            word if word.starts_with(':') => Some(self.value(word)),
            word => item.get(&self.name(word)).cloned(),
        }
    }
}

fn compare(left: &Value, operator: &str, right: &Value) -> bool {
    let order = match (left.get("N"), right.get("N")) {
        (Some(_), Some(_)) => number(left).cmp(&number(right)),
        _ if operator == "=" => return left == right,
        _ => match (text_of(left), text_of(right)) {
            (Some(left), Some(right)) => left.cmp(right),
            // Values of different types have no order.
            _ => return false,
        },
    };
    match operator {
        "=" => order.is_eq(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        other => panic!("the tables don't know the operator {other}"),
    }
}

fn number(value: &Value) -> i128 {
    let number = value["N"].as_str().and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("{value} is no whole number"))
}

fn text_of(value: &Value) -> Option<&str> {
    value["S"].as_str()
}

fn items_of(mut list: Value) -> Vec<Value> {
    match list["L"].take() {
        Value::Array(items) => items,
        _ => panic!("only lists can be appended"),
    }
}

/// The words and signs of an expression.
struct Tokens(std::iter::Peekable<std::vec::IntoIter<String>>);

impl Tokens {
    fn of(expression: &str) -> Self {
        let mut tokens: Vec<String> = Vec::new();
        let is_word = |sign: char| sign.is_alphanumeric() || "_#:".contains(sign);
        for sign in expression.chars() {
            match tokens.last_mut() {
                Some(last) if is_word(sign) && last.chars().all(is_word) && !last.is_empty() => last.push(sign),
                Some(last) if "=>".contains(sign) && ["<", ">"].contains(&&**last) => last.push(sign),
                _ if sign.is_whitespace() => tokens.push(String::new()),
                _ => tokens.push(sign.to_string()),
            }
        }
        tokens.retain(|token| !token.is_empty());
        Self(tokens.into_iter().peekable())
    }

    fn peek(&mut self) -> Option<&str> {
        self.0.peek().map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        self.0.next()
    }

    fn skip(&mut self, token: &str) -> bool {
        self.0.next_if(|next| next == token).is_some()
    }

    fn expect(&mut self, token: &str) {
        assert!(self.skip(token), "{token} is missing before {:?}", self.peek());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(item: &Value) -> Item {
        item.as_object().expect("an item").clone()
    }

    fn request() -> Value {
        json!({
            "ExpressionAttributeNames": { "#a": "A", "#b": "B" },
            "ExpressionAttributeValues": { ":one": { "N": "1" }, ":ten": { "N": "10" }, ":l": { "L": [{ "S": "x" }] } },
        })
    }

    #[test]
    fn and_binds_more_than_or_and_not_more_than_both() {
        let (request, item) = (request(), item(&json!({ "A": { "N": "2" } })));
        let is_met = |condition| Placeholders::of(&request).is_met(condition, &item);
        assert!(is_met("#a = :ten AND #a = :ten OR #a > :one"));
        assert!(is_met("#a > :one OR #a = :ten AND #a = :ten"));
        assert!(!is_met("(#a > :one OR #a = :ten) AND #a = :ten"));
        assert!(is_met("NOT #a = :ten AND #a > :one"));
        assert!(is_met("#a<=:ten"), "as numbers, not as texts");
    }

    #[test]
    fn what_is_not_there_is_neither_equal_to_anything_nor_less() {
        let (request, item) = (request(), item(&json!({})));
        let is_met = |condition| Placeholders::of(&request).is_met(condition, &item);
        assert!(!is_met("#a = :one") && !is_met("#a < :ten") && !is_met("attribute_exists(#a)"));
        assert!(is_met("attribute_not_exists(#a) OR #a < :one"));
    }

    #[test]
    fn an_update_reads_the_item_as_it_was_before() {
        let mut changed = item(&json!({ "A": { "N": "1" }, "B": { "L": [] } }));
        let update = "SET #a = #a + :ten, B = list_append(B, :l), C = #a, D = if_not_exists(D, :one) REMOVE E";
        Placeholders::of(&request()).update(update, &mut changed);
        let expected = json!({
            "A": { "N": "11" }, "B": { "L": [{ "S": "x" }] }, "C": { "N": "1" }, "D": { "N": "1" },
        });
        assert_eq!(changed, item(&expected));
    }

    #[test]
    fn placeholders_are_those_of_the_expressions_and_no_others() {
        let request = request();
        let are_those_of = |expressions: &[&str]| Placeholders::of(&request).are_those_of(expressions);
        assert!(are_those_of(&["#a = :one AND #b < :ten", "SET #a = :l"]));
        assert!(!are_those_of(&["#a = :one AND #b < :ten"]));
        assert!(!are_those_of(&["#a = :one AND #b < :ten", "SET #a = :l, #c = :l"]));
    }
}
