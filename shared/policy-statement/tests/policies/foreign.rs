//! Whatever several claims do to a policy, what is foreign stays what it was to the byte.

use policy_statement::{Document, Statement, StatementProperty};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

/// Most end in digits, so that a Sid and a counted Sid look alike.
const MARKS: [&str; 4] = ["a1b2c3d4e5", "0123456789", "2222222222", "123456789a"];

/// JSON as text, since a parsed value couldn't tell 1.0 from 1e0.
#[derive(Clone, Debug)]
enum Json {
    Token(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn text(&self, space: &str) -> String {
        let join = |open: char, inner: Vec<String>, close: char| {
            format!("{open}{space}{}{space}{close}", inner.join(&format!("{space},{space}")))
        };
        match self {
            Json::Token(token) => token.clone(),
            Json::List(items) => join('[', items.iter().map(|item| item.text(space)).collect(), ']'),
            Json::Object(members) => {
                let member = |(name, value): &(String, Json)| format!("{name}{space}:{space}{}", value.text(space));
                join('{', members.iter().map(member).collect(), '}')
            }
        }
    }
}

fn string() -> impl Strategy<Value = String> {
    let escaped = |text: String| {
        text.bytes().flat_map(|byte| format!("\\u{byte:04X}").into_bytes()).map(char::from).collect::<String>()
    };
    prop_oneof![
        any::<String>().prop_map(|text| json!(text).to_string()),
        "[ -~]{0,8}".prop_map(move |text| format!("\"{}\"", escaped(text))),
        select(vec![r#""""#, r#"" a \" \\""#, r#""\/ \ud83d\ude00""#, r#""\ud800""#, r#""été 日本""#])
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    let numbers = vec!["0", "-0", "1.0", "1e5", "1E+05", "0.10", "100000", "12345678901234567890123", "-1.5e-300"];
    let token = prop_oneof![
        string(),
        select(numbers).prop_map(str::to_owned),
        select(vec!["null", "true", "false"]).prop_map(str::to_owned)
    ];
    token.prop_map(Json::Token).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Json::List), vec((string(), inner), 0..4).prop_map(Json::Object)]
    })
}

fn foreign_statement() -> impl Strategy<Value = Json> {
    let names = vec![r#""Sid""#, r#""\u0053id""#, r#""Effect""#, r#""Action""#, r#""Principal""#, r#""Condition""#];
    let name = prop_oneof![select(names).prop_map(str::to_owned), string()];
    let sids =
        vec![r#""""#, r#""Theirs""#, r#""Theirs""#, r#""Two words""#, r#""Pulla1b2c3d4e""#, r#""Pull012345678901""#];
    let value = prop_oneof![select(sids).prop_map(|sid| Json::Token(sid.to_owned())), value()];
    vec((name, value), 0..6).prop_map(Json::Object)
}

/// The elements before and after `Statement`, and what `Statement` is, if there is one.
#[derive(Clone, Debug)]
struct Policy {
    before: Vec<(String, Json)>,
    statement: Option<Json>,
    after: Vec<(String, Json)>,
}

impl Policy {
    fn text(&self, space: &str) -> String {
        let statement = self.statement.clone().map(|statement| (r#""Statement""#.to_owned(), statement));
        let elements = self.before.iter().cloned().chain(statement).chain(self.after.iter().cloned());
        Json::Object(elements.collect()).text(space)
    }

    /// The same with a list of statements, which it gets as soon as a claim has been there.
    fn listed(&self) -> Self {
        let mut policy = self.clone();
        match policy.statement.take() {
            Some(Json::List(list)) => policy.statement = Some(Json::List(list)),
            Some(one) => policy.statement = Some(Json::List(vec![one])),
            None => policy.after.push((r#""Statement""#.to_owned(), Json::List(Vec::new()))),
        }
        policy
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    let version = (r#""Version""#.to_owned(), Json::Token(r#""2008-10-17""#.to_owned()));
    let id = (r#""Id""#.to_owned(), Json::Token(r#""default""#.to_owned()));
    let elements = vec(prop_oneof![Just(version), Just(id), (string(), value())], 0..4);
    let statement = prop_oneof![
        vec(foreign_statement(), 0..5).prop_map(|list| Some(Json::List(list))),
        foreign_statement().prop_map(Some),
        Just(None),
    ];
    (elements.clone(), statement, elements).prop_map(|(before, statement, after)| Policy { before, statement, after })
}

/// What a claim wants from now on: Sids that may repeat, and an action for each. None is a delete.
type Step = (usize, Vec<(Option<&'static str>, u8)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sid = select(vec![None, Some(""), Some("Pull"), Some("Pull2"), Some("Pulla1b2c3d4e5")]);
    vec((0..MARKS.len(), vec((sid, 0..3_u8), 0..4)), 1..12)
}

fn signed(mark: &str, wanted: &[(Option<&str>, u8)]) -> Vec<Statement> {
    let statement = |(sid, action): &(Option<&str>, u8)| match sid {
        Some(sid) => json!({"Effect": "Allow", "Sid": sid, "Action": format!("ecr:{action}")}),
        None => json!({"Effect": "Allow", "Action": [format!("ecr:{action}")]}),
    };
    if wanted.is_empty() {
        return Vec::new();
    }
    let property = StatementProperty::try_from(json!(wanted.iter().map(statement).collect::<Vec<_>>())).unwrap();
    property.signed("Grant", mark)
}

fn without_ours(document: &Document) -> String {
    let mut document = document.clone();
    for mark in MARKS {
        document.replace_own(mark, &[]);
    }
    document.to_text()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_foreign_is_unchanged_to_the_byte_whatever_several_claims_do(
        policy in policy(), steps in steps(), space in select(vec!["", " ", "\n\t", "\r\n  "]),
    ) {
        let (original, listed) = (policy.text(""), policy.listed().text(""));
        let mut text = policy.text(space);
        let before = Document::parse(&text).unwrap();
        prop_assert_eq!(&before.to_text(), &original);
        let mut claims: [Vec<Statement>; MARKS.len()] = Default::default();
        let everyone_leaves = (0..MARKS.len()).map(|claim| (claim, Vec::new()));

        for (claim, wanted) in steps.into_iter().chain(everyone_leaves) {
            claims[claim] = signed(MARKS[claim], &wanted);
            let mut document = Document::parse(&text).unwrap();
            document.replace_own(MARKS[claim], &claims[claim]);
            text = document.to_text();

            let read_back = Document::parse(&text).unwrap();
            prop_assert_eq!(&read_back.to_text(), &text);
            prop_assert_eq!(&read_back, &document);
            let foreign = without_ours(&read_back);
            prop_assert!(foreign == original || foreign == listed, "{} is neither {} nor {}", foreign, original, listed);
            for (mark, wanted) in MARKS.iter().zip(&claims) {
                prop_assert!(read_back.has_own(mark, wanted));
                prop_assert!(read_back.own(mark).eq(document.own(mark)));
                prop_assert_eq!(read_back.own(mark).count(), wanted.len());
            }
            prop_assert!(read_back.keeps_foreign(&before, MARKS[claim]));
        }
        prop_assert!(text == original || text == listed, "{} is neither {} nor {}", text, original, listed);
        prop_assert!(Document::parse(&text).unwrap().keeps_foreign(&before, ""));
    }

    #[test]
    fn a_claim_in_an_unwritten_policy_leaves_nothing_behind(steps in steps()) {
        let mut document = Document::empty();
        for (claim, wanted) in steps {
            document.replace_own(MARKS[claim], &signed(MARKS[claim], &wanted));
        }
        for mark in MARKS {
            document.replace_own(mark, &[]);
        }
        prop_assert!(document.is_empty());
        prop_assert_eq!(document, Document::empty());
    }
}

#[test]
fn depth_is_no_danger() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let policy = format!(r#"{{"Deep":{deep},"Statement":[{{"Deep":{deep}}}]}}"#);
    let document = Document::parse(&policy).unwrap();
    assert!(document.keeps_foreign(&document, MARKS[0]));
    assert_eq!(document.to_text(), policy);
}
