//! XML read as JSON, so that serde makes types of it.
//!
//! It is read strictly, since a document that was cut off would pass for a shorter list. The SDKs' own reader is lenient.

use std::{error::Error, str};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use xmlparser::{ElementEnd, Token, Tokenizer};

type Unreadable = Box<dyn Error + Send + Sync>;

/// No answer of EC2 comes near this depth; one that goes beyond could take all of the stack.
const DEEPEST: usize = 32;

/// An element that isn't closed yet.
#[derive(Default)]
struct Element<'a> {
    prefix: &'a str,
    name: &'a str,
    text: String,
    members: Map<String, Value>,
    /// EC2 names the members of a list so, and nothing else.
    items: Vec<Value>,
}

impl Element<'_> {
    fn content(self) -> Value {
        if !self.items.is_empty() {
            Value::Array(self.items)
        } else if !self.members.is_empty() {
            Value::Object(self.members)
        } else if !self.text.is_empty() {
            Value::String(self.text)
        } else {
            // An empty text, or an empty list: nobody can tell.
            Value::Null
        }
    }

    fn add(&mut self, name: &str, content: Value) {
        if content.is_null() {
            return;
        }
        if name == "item" {
            self.items.push(content);
        } else {
            self.members.insert(name.to_owned(), content);
        }
    }
}

/// What stands in the element `root`, which has to be the whole document.
///
/// # Errors
/// When it is another document, or none.
pub(crate) fn read(document: &[u8], root: &str) -> Result<Value, Unreadable> {
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut whole = None;
    for token in Tokenizer::from(str::from_utf8(document)?) {
        match token? {
            Token::ElementStart { prefix, local, .. } => {
                if open.len() == DEEPEST {
                    return Err("it is too deep".into());
                }
                open.push(Element { prefix: prefix.as_str(), name: local.as_str(), ..Element::default() });
            }
            Token::Text { text } => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&unescaped(text.as_str())?);
                }
            }
            Token::Cdata { text, .. } => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(text.as_str());
                }
            }
            Token::ElementEnd { end: ElementEnd::Open, .. } => {}
            Token::ElementEnd { end, .. } => {
                let closed = open.pop().ok_or("it closes what isn't open")?;
                if let ElementEnd::Close(prefix, name) = end
                    && (prefix.as_str(), name.as_str()) != (closed.prefix, closed.name)
                {
                    return Err("it closes another element than the last one".into());
                }
                let name = closed.name;
                match open.last_mut() {
                    Some(parent) => parent.add(name, closed.content()),
                    None if name == root => whole = Some(closed.content()),
                    None => return Err("it is another document".into()),
                }
            }
            _ => {}
        }
    }
    whole.ok_or_else(|| "it ends too early".into())
}

/// The members of a list. One without any may be written over several lines, which nobody can tell from a text before it is
/// known that a list is wanted.
///
/// # Errors
/// When something else stands there.
pub(crate) fn items<'de, D: Deserializer<'de>, T: DeserializeOwned>(list: D) -> Result<Vec<T>, D::Error> {
    // https://www.w3.org/TR/xml/#NT-S
    let is_white = |text: &str| text.bytes().all(|byte| b" \t\r\n".contains(&byte));
    match Value::deserialize(list)? {
        Value::String(text) if is_white(&text) => Ok(Vec::new()),
        members => Vec::deserialize(members).map_err(D::Error::custom),
    }
}

/// A text without references to entities: the five that every document has, and characters by their numbers.
/// <https://www.w3.org/TR/xml/#sec-references>
fn unescaped(text: &str) -> Result<String, Unreadable> {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').ok_or("a reference doesn't end")?;
        plain.push(match entity {
            "amp" => '&',
            "apos" => '\'',
            "gt" => '>',
            "lt" => '<',
            "quot" => '"',
            _ => numbered(entity).ok_or("a reference names nothing")?,
        });
        plain.push_str(rest);
    }
    Ok(plain)
}

fn numbered(entity: &str) -> Option<char> {
    let number = entity.strip_prefix('#')?;
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // Rust takes a sign as well.
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SUBNETS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>
    <subnetSet>
        <item>
            <subnetId>subnet-1</subnetId>
            <tagSet>
                <item><key>Name</key><value> a &amp; b&#x20;&lt;&#99; </value></item>
                <item><key>empty</key><value/></item>
            </tagSet>
        </item>
        <item><subnetId>subnet-2</subnetId><tagSet/></item>
    </subnetSet>
    <nextToken></nextToken>
</DescribeSubnetsResponse>"#;

    fn refusal(document: &str) -> String {
        read(document.as_bytes(), "Any").unwrap_err().to_string()
    }

    #[test]
    fn lists_are_arrays_texts_stay_as_they_are_and_what_is_empty_is_not_there() {
        let tags = json!([{ "key": "Name", "value": " a & b <c " }, { "key": "empty" }]);
        assert_eq!(
            read(SUBNETS.as_bytes(), "DescribeSubnetsResponse").unwrap(),
            json!({
                "requestId": "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE",
                "subnetSet": [{ "subnetId": "subnet-1", "tagSet": tags }, { "subnetId": "subnet-2" }],
            })
        );
    }

    #[test]
    fn what_is_cut_off_is_no_document_wherever_that_is() {
        for end in 0..SUBNETS.len() {
            assert!(read(&SUBNETS.as_bytes()[..end], "DescribeSubnetsResponse").is_err(), "{end}");
        }
    }

    #[test]
    fn whatever_byte_is_another_one_nothing_panics() {
        for place in 0..SUBNETS.len() {
            for byte in *b"<>/&;!?\"= a\0\xff" {
                let mut document = SUBNETS.as_bytes().to_vec();
                document[place] = byte;
                let _ = read(&document, "DescribeSubnetsResponse");
            }
        }
    }

    #[test]
    fn a_page_for_people_is_no_answer() {
        let page = "<!DOCTYPE html><html><head><title>502</title></head><body><p>Bad gateway</p></body></html>";
        assert_eq!(refusal(page), "it is another document");
        for page in ["<html><body><hr>Bad gateway<br></body></html>", "Bad gateway", "", "{\"message\": null}"] {
            assert!(read(page.as_bytes(), "Any").is_err(), "{page}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        assert_eq!(refusal("<Any><a><b></a></b></Any>"), "it closes another element than the last one");
        assert_eq!(refusal("<Any><a>"), "it ends too early");
        assert_eq!(refusal(&"<Any>".repeat(33)), "it is too deep");
        for reference in ["&", "&amp", "&nbsp;", "&#;", "&#x110000;", "&#xd800;", "&#+65;", "&#x+41;", "&#-0;"] {
            assert!(refusal(&format!("<Any>{reference}</Any>")).starts_with("a reference"), "{reference}");
        }
        assert!(read(b"<Any>\xff</Any>", "Any").is_err());
    }

    #[test]
    fn what_stands_in_a_section_is_no_markup() {
        assert_eq!(read(b"<Any><![CDATA[a <b> &amp;]]></Any>", "Any").unwrap(), json!("a <b> &amp;"));
    }
}
