//! Expressions of `DynamoDB`, on items in its JSON.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html>

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::item::{Item, get, length, put};

/// The clauses of an update.
const CLAUSES: [&str; 3] = ["SET", "REMOVE", "ADD"];

/// The other words of expressions.
const WORDS: [&str; 9] = [
    "AND",
    "OR",
    "NOT",
    "attribute_exists",
    "attribute_not_exists",
    "begins_with",
    "if_not_exists",
    "list_append",
    "size",
];

/// What no attribute may be called in an expression, in capitals or not.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html>
static RESERVED: LazyLock<BTreeSet<&str>> = LazyLock::new(|| include_str!("reserved.txt").split_whitespace().collect());

const NOT_THOSE: &str = "The placeholders of the request are not those of its expressions";
const IS_RESERVED: &str = "Attribute name is a reserved keyword";
const TWO_CLAUSES: &str = "A section can only be used once in an update expression";
const NO_ATTRIBUTE: &str = "The provided expression refers to an attribute that does not exist in the item";
const OVERLAP: &str = "Two document paths overlap with each other";

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

    /// Refuses a request whose expressions don't use all of them and no others, or name an attribute by a reserved word, whatever
    /// the item is.
    ///
    /// # Errors
    /// What AWS says.
    pub(super) fn check(&self, expressions: &[Option<&str>]) -> Result<(), &'static str> {
        let tokens: Vec<_> = expressions.iter().flatten().flat_map(|expression| Tokens::of(expression).0).collect();
        let used: BTreeSet<_> = tokens.iter().filter(|token| token.starts_with(['#', ':'])).collect();
        let given =
            ["ExpressionAttributeNames", "ExpressionAttributeValues"].map(|given| self.request[given].as_object());
        if used != given.into_iter().flatten().flat_map(Map::keys).collect() {
            return Err(NOT_THOSE);
        }
        let mut names = tokens.iter().filter(|token| !CLAUSES.contains(&&***token) && !WORDS.contains(&&***token));
        if names.any(|name| RESERVED.contains(&*name.to_uppercase())) { Err(IS_RESERVED) } else { Ok(()) }
    }

    /// Whether an item meets a condition.
    pub(super) fn is_met(&self, condition: &str, item: &Item) -> bool {
        let mut tokens = Tokens::of(condition);
        let is_met = self.any(&mut tokens, item);
        assert_eq!(tokens.peek(), None, "nothing follows a condition: {condition}");
        is_met
    }

    /// Whether a condition names one value of the first attribute of a key, perhaps with one condition on the second, and
    /// nothing else.
    pub(super) fn is_key_condition(&self, condition: &str, key: &[&str]) -> bool {
        let tokens: Vec<_> = Tokens::of(condition).0.collect();
        let mut named = Vec::new();
        for one in tokens.split(|token| token == "AND") {
            let (name, operator) = match one {
                [function, open, name, ..] if function == "begins_with" && open == "(" => (name, &**function),
                [name, operator, value] if value.starts_with(':') => (name, &**operator),
                _ => return false,
            };
            named.push((self.name(name), operator == "="));
        }
        named.sort_by_key(|(name, _)| key.iter().position(|attribute| attribute == name));
        let are_those_of_key = named.iter().map(|(name, _)| &**name).eq(key.iter().copied().take(named.len()));
        are_those_of_key && named.first().is_some_and(|(_, is_equal)| *is_equal)
    }

    /// Whether an expression names one of these attributes.
    pub(super) fn names_any(&self, expression: &str, attributes: &[&str]) -> bool {
        Tokens::of(expression).0.any(|token| {
            attributes.contains(&&*token) || token.starts_with('#') && attributes.contains(&&*self.name(&token))
        })
    }

    /// The paths of a projection.
    pub(super) fn paths(&self, projection: &str) -> Vec<Vec<String>> {
        let mut tokens = Tokens::of(projection);
        let mut paths = vec![self.path(&mut tokens)];
        while tokens.skip(",") {
            paths.push(self.path(&mut tokens));
        }
        assert_eq!(tokens.peek(), None, "nothing follows a projection: {projection}");
        paths
    }

    /// Changes an item as an update says, and answers which of its attributes that concerns.
    ///
    /// # Errors
    /// What AWS says where that can't be done to this item.
    pub(super) fn update(&self, expression: &str, item: &mut Item) -> Result<Vec<String>, &'static str> {
        let before = item.clone();
        let mut changes: Vec<(Vec<String>, Option<Value>)> = Vec::new();
        let mut tokens = Tokens::of(expression);
        let mut clauses = BTreeSet::new();
        while let Some(clause) = tokens.next() {
            assert!(CLAUSES.contains(&&*clause), "an update begins with a clause: {expression}");
            if !clauses.insert(clause.clone()) {
                return Err(TWO_CLAUSES);
            }
            loop {
                let path = self.path(&mut tokens);
                let value = match &*clause {
                    "SET" => {
                        tokens.expect("=");
                        Some(self.sum(&mut tokens, &before)?)
                    }
                    "ADD" => {
                        let more = self.operand(&mut tokens, &before).ok_or(NO_ATTRIBUTE)?;
                        let there = get(&before, &path).map_or(0, number);
                        Some(json!({ "N": (there + number(&more)).to_string() }))
                    }
                    _ => None,
                };
                if changes.iter().any(|(other, _)| other.starts_with(&path) || path.starts_with(other)) {
                    return Err(OVERLAP);
                }
                changes.push((path, value));
                if !tokens.skip(",") {
                    break;
                }
            }
        }
        let mut names = Vec::new();
        for (path, value) in changes {
            put(item, &path, value)?;
            names.extend(path.into_iter().next());
        }
        Ok(names)
    }

    /// The names from an attribute to what is inside it.
    fn path(&self, tokens: &mut Tokens) -> Vec<String> {
        let mut path = vec![self.name(&tokens.next().expect("an attribute"))];
        while tokens.skip(".") {
            path.push(self.name(&tokens.next().expect("a name")));
        }
        path
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
            Some("begins_with") => {
                tokens.next();
                tokens.expect("(");
                let text = self.operand(tokens, item);
                tokens.expect(",");
                let beginning = self.operand(tokens, item);
                tokens.expect(")");
                let texts = text.as_ref().and_then(text_of).zip(beginning.as_ref().and_then(text_of));
                texts.is_some_and(|(text, beginning)| text.starts_with(beginning))
            }
            _ => {
                let left = self.operand(tokens, item);
                let operator = tokens.next().expect("an operator");
                let right = self.operand(tokens, item);
                // What isn't there is neither equal to anything nor less.
                let is_other = operator == "<>";
                left.zip(right).map_or(is_other, |(left, right)| compare(&left, &operator, &right))
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

    fn sum(&self, tokens: &mut Tokens, item: &Item) -> Result<Value, &'static str> {
        let value = self.operand(tokens, item).ok_or(NO_ATTRIBUTE)?;
        if tokens.skip("+") {
            let more = self.operand(tokens, item).ok_or(NO_ATTRIBUTE)?;
            return Ok(json!({ "N": (number(&value) + number(&more)).to_string() }));
        }
        Ok(value)
    }

    fn operand(&self, tokens: &mut Tokens, item: &Item) -> Option<Value> {
        match tokens.peek().expect("an operand") {
            "if_not_exists" => {
                tokens.next();
                tokens.expect("(");
                let there = self.operand(tokens, item);
                tokens.expect(",");
                let other = self.operand(tokens, item);
                tokens.expect(")");
                there.or(other)
            }
            "list_append" => {
                tokens.next();
                tokens.expect("(");
                let mut list = items_of(self.operand(tokens, item)?);
                tokens.expect(",");
                list.extend(items_of(self.operand(tokens, item)?));
                tokens.expect(")");
                Some(json!({ "L": list }))
            }
            "size" => self.argument(tokens, item).as_ref().map(length),
            word if word.starts_with(':') => Some(self.value(&tokens.next()?)),
            _ => get(item, &self.path(tokens)).cloned(),
        }
    }
}

fn compare(left: &Value, operator: &str, right: &Value) -> bool {
    let order = match (left.get("N"), right.get("N")) {
        (Some(_), Some(_)) => number(left).cmp(&number(right)),
        _ if operator == "=" => return left == right,
        _ if operator == "<>" => return left != right,
        _ => match (text_of(left), text_of(right)) {
            (Some(left), Some(right)) => left.cmp(right),
            // Values of different types have no order.
            _ => return false,
        },
    };
    match operator {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
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
        assert!(is_met("#a <> :one"), "but it is another thing");
    }

    #[test]
    fn an_update_reads_the_item_as_it_was_before() {
        let mut changed = item(&json!({ "A": { "N": "1" }, "B": { "L": [] } }));
        let update = "SET #a = #a + :ten, B = list_append(B, :l), C = #a, D = if_not_exists(D, :one) REMOVE E";
        let names = Placeholders::of(&request()).update(update, &mut changed).unwrap();
        assert_eq!(names, ["A", "B", "C", "D", "E"]);
        let expected = json!({
            "A": { "N": "11" }, "B": { "L": [{ "S": "x" }] }, "C": { "N": "1" }, "D": { "N": "1" },
        });
        assert_eq!(changed, item(&expected));
    }

    #[test]
    fn placeholders_are_those_of_the_expressions_and_no_others() {
        let request = request();
        let check = |expressions: &[&str]| {
            Placeholders::of(&request).check(&expressions.iter().copied().map(Some).collect::<Vec<_>>())
        };
        assert_eq!(check(&["#a = :one AND #b < :ten", "SET #a = :l"]), Ok(()));
        assert_eq!(check(&["#a = :one AND #b < :ten"]), Err(NOT_THOSE));
        assert_eq!(check(&["#a = :one AND #b < :ten", "SET #a = :l, #c = :l"]), Err(NOT_THOSE));
    }

    #[test]
    fn a_reserved_word_names_no_attribute() {
        let request = json!({ "ExpressionAttributeNames": { "#type": "Type" } });
        let check = |expression| Placeholders::of(&request).check(&[Some(expression), None]);
        assert_eq!(check("attribute_exists(#type) AND NOT attribute_exists(Typed)"), Ok(()));
        for expression in ["attribute_exists(#type) OR attribute_exists(Type)", "REMOVE #type, wish.order"] {
            assert_eq!(check(expression), Err(IS_RESERVED), "{expression}");
        }
    }

    #[test]
    fn what_is_in_a_map_is_read_and_changed_by_its_path() {
        let mut changed = item(&json!({ "A": { "M": { "B": { "N": "1" } } }, "N": { "N": "1" } }));
        let request = request();
        let placeholders = Placeholders::of(&request);
        assert!(placeholders.is_met("#a.#b = :one AND attribute_not_exists(#b.#a) AND #a.#b <> :ten", &changed));
        assert!(placeholders.is_met("size(#a) = :one", &changed));
        placeholders.update("SET #a.C = #a.#b REMOVE #a.#b ADD N :ten, M :one", &mut changed).unwrap();
        let expected = json!({ "A": { "M": { "C": { "N": "1" } } }, "N": { "N": "11" }, "M": { "N": "1" } });
        assert_eq!(changed, item(&expected));
    }

    #[test]
    fn an_update_that_the_item_has_no_place_for_or_that_says_two_things_of_one_place_changes_nothing() {
        for (update, expected) in [
            ("SET #a = :one, #b.C = :one", "The document path provided in the update expression is invalid for update"),
            ("SET #a = #b", NO_ATTRIBUTE),
            ("SET #a = :one REMOVE #a", OVERLAP),
            ("SET #a.C = :one, #a = :ten", OVERLAP),
            ("SET #a = :one SET #b = :one", TWO_CLAUSES),
        ] {
            let request = request();
            assert_eq!(Placeholders::of(&request).update(update, &mut Item::new()), Err(expected), "{update}");
        }
    }

    #[test]
    fn a_condition_on_a_key_names_one_partition_and_perhaps_a_part_of_it() {
        let request = request();
        let is_key_condition = |condition| Placeholders::of(&request).is_key_condition(condition, &["A", "B"]);
        assert!(is_key_condition("#a = :one") && is_key_condition("#b = :ten AND #a = :one"));
        assert!(is_key_condition("#a = :one AND begins_with(#b, :ten)"));
        for other in
            ["#a > :one", "begins_with(#a, :one)", "#b = :ten", "#a = :one AND C = :one", "#a = :one OR #a = :ten"]
        {
            assert!(!is_key_condition(other), "{other}");
        }
    }

    #[test]
    fn a_text_begins_with_another() {
        let request = json!({ "ExpressionAttributeValues": { ":b": { "S": "claim " } } });
        let is_met =
            |item: Value| Placeholders::of(&request).is_met("begins_with(I, :b)", item.as_object().expect("an item"));
        assert!(is_met(json!({ "I": { "S": "claim 1" } })));
        assert!(
            !is_met(json!({ "I": { "S": "lease" } })) && !is_met(json!({})) && !is_met(json!({ "I": { "N": "1" } }))
        );
    }
}
