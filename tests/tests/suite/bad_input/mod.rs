//! A hundred bad templates and the sentence that each is refused with, from the real binaries, before AWS is asked.

mod spelling;
mod template;

use std::fs;

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::binary::workspace;
use archipelago_tests::cloudformation::{Answer, Put, Resource};
use archipelago_tests::fault::Fault;
use archipelago_tests::function::{Configuration, Function, InvocationEnd};
use archipelago_tests::response_server::ResponseServer;
use serde_json::json;

use template::{Template, Templates};

/// What the templates hold that a reason must not.
const SECRETS: [&str; 3] = ["confidant", "person@example.com", "between-us"];

/// A type's function, with nothing of AWS behind it but an ECR and a ledger.
struct Fixture {
    function: Function,
    responses: ResponseServer,
    ecr: AwsStub,
    _ledger: AwsStub,
    resource_type: String,
}

impl Fixture {
    async fn of(name: &str) -> Self {
        let (responses, ecr) = (ResponseServer::start().await, AwsStub::ecr(|_| Fault::None).await);
        let ledger = AwsStub::ledger(|_| None).await;
        // Nobody listens at the discard port, so who calls AWS after all says so.
        let configuration = Configuration::of(name)
            .variable("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .variable("AWS_ENDPOINT_URL_ECR", ecr.origin())
            .variable("AWS_ENDPOINT_URL_DYNAMODB", ledger.origin())
            .variable("LEDGER_TABLE", "ledger")
            .variable("RESPONSE_HOSTS", responses.origin());
        let function = Function::start(configuration).await;
        Self { function, responses, ecr, _ledger: ledger, resource_type: format!("Custom::{name}") }
    }

    /// What CloudFormation is told, or what is wrong with that.
    async fn answer(&self, template: &Template) -> Result<Answer, String> {
        let mut resource = Resource::new("demo", "Thing", &self.resource_type, 1);
        let event = template.request(resource.create(&json!({})).unwrap());
        let url = self.responses.url();
        let text = spelling::spelled(&template.event(&event, url.as_str()).to_string());
        let end = self.function.invoke_with(&text).await;
        if !matches!(end, InvocationEnd::Returned(_)) {
            return Err(format!("no answer, but {end:?}"));
        }
        self.function.settled().await;
        let puts: Vec<_> = url.puts().into_iter().filter(Put::stored).collect();
        let [put] = &puts[..] else { return Err(format!("{} answers", puts.len())) };
        if String::from_utf8_lossy(&put.body).contains(url.signature()) {
            return Err("an answer with the ResponseURL in it".to_owned());
        }
        Answer::read(&event, put).map_err(|violations| format!("{violations:?}"))
    }
}

/// The sentence of a reason, without the request's id and the log stream.
fn sentence(answer: &Answer) -> String {
    let reason = answer.reason.as_deref().unwrap_or("SUCCESS");
    reason.rsplit_once(" (RequestId: ").map_or(reason, |(sentence, _)| sentence).to_owned()
}

#[tokio::test]
async fn a_bad_template_is_refused_in_one_sentence_before_aws_is_asked() {
    let (mut all, mut wrong) = (Templates::all(), Vec::new());
    for templates in &mut all {
        let fixture = Fixture::of(&templates.name).await;
        for template in &mut templates.list {
            match fixture.answer(template).await {
                Ok(answer) => template.set_reason(&sentence(&answer)),
                Err(what) => wrong.push(format!("{}, {}: {what}", templates.name, template.name())),
            }
        }
        assert_eq!(fixture.ecr.count("SetRepositoryPolicy"), 0, "{}", templates.name);
        let log = fixture.function.retire().await;
        let logged = SECRETS.iter().filter(|secret| log.iter().any(|line| line.text.contains(**secret)));
        wrong.extend(logged.map(|secret| format!("{}: {secret} is logged", templates.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for templates in all {
        expectorate::assert_contents(templates.file(), &templates.text());
    }
}

#[test]
fn every_type_has_bad_templates_and_all_have_a_hundred() {
    let all = Templates::all();
    let names: Vec<_> = all.iter().map(|templates| templates.name.clone()).collect();
    let pages = fs::read_dir(workspace().join("docs")).unwrap().map(|page| page.unwrap().path());
    let pages = pages.filter(|page| page.is_file()).map(|page| (fs::read_to_string(&page).unwrap(), page));
    let types = pages.filter(|(text, page)| {
        let name = page.file_stem().unwrap().to_string_lossy();
        text.starts_with(&format!("# Custom::{name}\n"))
    });
    for (_, page) in types {
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(&name), "tests/bad-templates/{name}.json is missing");
    }
    let count: usize = all.iter().map(|templates| templates.list.len()).sum();
    assert!(count >= 100, "{count}");
}

#[test]
fn a_sentence_names_the_place_and_repeats_no_secret() {
    for templates in Templates::all() {
        for template in &templates.list {
            let reason = template.reason().unwrap();
            let whose = format!("{}, {}: {reason}", templates.name, template.name());
            for secret in SECRETS {
                assert!(!reason.contains(secret), "{whose}");
            }
            let is_named = |place| reason.contains(place);
            assert!(["ResourceProperties", "RoleArn", "the policy of "].into_iter().any(is_named), "{whose}");
            assert!(!reason.contains(['\n', '\r', '\0', '\u{202e}', '\u{1b}']), "{whose}");
            assert!(reason.chars().count() <= 700, "{whose}");
            assert!(template.properties().is_object(), "{whose}");
        }
    }
}
