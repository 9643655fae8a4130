//! A request of an SDK, as the call that it is: of which service, which operation, with which parameters, and whether it only reads.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// How the names of operations begin that change nothing, each before a capital letter.
const READS: [&str; 5] = ["BatchGet", "Describe", "Get", "Head", "List"];

/// What changes nothing either, and is called so that something can be read.
const OTHER_READS: [(&str, &str); 2] = [("dynamodb", "Query"), ("sts", "AssumeRole")];

/// Services whose operations all have a path of their own, such as `/getresourceshares`, and most of them the method POST.
/// <https://docs.aws.amazon.com/ram/latest/APIReference/API_GetResourceShares.html>,
/// <https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html>
const NAMED_BY_PATH: [&str; 2] = ["account", "ram"];

/// A call of AWS.
#[derive(Debug, PartialEq)]
pub(crate) struct AwsCall {
    /// As in the signature, or else the first label of the host: `organizations`.
    pub(crate) service: String,
    /// `CreateAccount`; of a protocol that names none, the method and the path.
    pub(crate) operation: String,
    /// What is sent. Of what is no JSON and no form, nothing.
    pub(crate) parameters: Value,
    /// Whether it changes nothing.
    pub(crate) is_read: bool,
}

impl AwsCall {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let headers = request.headers();
        let body = request.body().bytes().unwrap_or_default();
        let (host, path, query) = address(request.uri());
        let service = headers.get("authorization").and_then(signed_service).unwrap_or(host).to_owned();
        let named = |operation: &str, parameters: Value| {
            let operation = operation.to_owned();
            let is_read = is_read(&service, &operation);
            Self { service: service.clone(), operation, parameters, is_read }
        };
        // JSON: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
        if let Some(operation) = headers.get("x-amz-target").and_then(|target| target.rsplit('.').next()) {
            return named(operation, serde_json::from_slice(body).unwrap_or_default());
        }
        // Forms: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
        if headers.get("content-type").is_some_and(|of| of.starts_with("application/x-www-form-urlencoded")) {
            let mut form = pairs(body);
            form.remove("Version");
            if let Some(Value::String(operation)) = form.remove("Action") {
                return named(&operation, Value::Object(form));
            }
        }
        let mut parameters = pairs(query.as_bytes());
        if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
            parameters.extend(members);
        }
        let parameters = Value::Object(parameters);
        let method = request.method();
        if NAMED_BY_PATH.contains(&service.as_str()) {
            return named(path.trim_start_matches('/'), parameters);
        }
        // https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods
        let is_read = matches!(method, "GET" | "HEAD");
        Self { operation: format!("{method} {path}"), parameters, is_read, service }
    }

    /// How a plan shows it.
    pub(crate) fn shown(self) -> Value {
        json!({ "Service": self.service, "Operation": self.operation, "Parameters": self.parameters })
    }
}

fn is_read(service: &str, operation: &str) -> bool {
    // Whoever chose the paths wrote some names in small letters.
    let is_path = NAMED_BY_PATH.contains(&service);
    let begins_with = |verb: &&str| match operation.split_at_checked(verb.len()) {
        Some((begin, _)) if is_path => begin.eq_ignore_ascii_case(verb),
        Some((begin, rest)) => begin == *verb && rest.starts_with(|c: char| c.is_ascii_uppercase()),
        None => false,
    };
    READS.iter().any(begins_with) || OTHER_READS.contains(&(service, operation))
}

/// The service in `AWS4-HMAC-SHA256 Credential=AKIA.../20261130/us-east-1/ram/aws4_request, ..`.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn signed_service(authorization: &str) -> Option<&str> {
    authorization.split_once("Credential=")?.1.split([',', ' ']).next()?.rsplit('/').nth(1)
}

/// The first label of the host, the path and the query.
fn address(uri: &str) -> (&str, &str, &str) {
    let (uri, query) = uri.split_once('?').unwrap_or((uri, ""));
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    (host.split(['.', ':']).next().unwrap_or_default(), path, query)
}

fn pairs(form: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn call(method: &str, uri: &str, headers: &[(&'static str, &str)], body: &str) -> AwsCall {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).unwrap();
        request.set_uri(uri).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, (*value).to_owned());
        }
        AwsCall::of(&request)
    }

    fn of_service(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261130/us-east-1/{service}/aws4_request, SignedHeaders=host")
    }

    fn json_call(service: &str, target: &str, body: &str) -> AwsCall {
        let authorization = of_service(service);
        call("POST", "https://x.amazonaws.com/", &[("authorization", &authorization), ("x-amz-target", target)], body)
    }

    fn form_call(service: &str, body: &str) -> AwsCall {
        let headers = [("authorization", &*of_service(service)), ("content-type", "application/x-www-form-urlencoded")];
        call("POST", "http://127.0.0.1:4566/", &headers, body)
    }

    fn rest_call(service: &str, method: &str, path: &str, body: &str) -> AwsCall {
        call(method, &format!("https://x.amazonaws.com{path}"), &[("authorization", &of_service(service))], body)
    }

    #[test]
    fn each_protocol_says_which_operation_is_called_and_with_what() {
        let made = json_call("organizations", "AWSOrganizationsV20161128.CreateAccount", r#"{"AccountName":"app"}"#);
        let shown =
            json!({"Service": "organizations", "Operation": "CreateAccount", "Parameters": {"AccountName": "app"}});
        assert!(!made.is_read);
        assert_eq!(made.shown(), shown);
        let tagged = form_call("ec2", "Action=CreateTags&Version=2016-11-15&ResourceId.1=subnet-1&Tag.1.Value=a%20b");
        assert_eq!((&*tagged.service, &*tagged.operation, tagged.is_read), ("ec2", "CreateTags", false));
        assert_eq!(tagged.parameters, json!({"ResourceId.1": "subnet-1", "Tag.1.Value": "a b"}));
        let gone = rest_call("ram", "DELETE", "/deleteresourceshare?resourceShareArn=arn", "");
        assert_eq!((&*gone.operation, gone.is_read), ("deleteresourceshare", false));
        assert_eq!(gone.parameters, json!({"resourceShareArn": "arn"}));
        let put = rest_call("s3", "PUT", "/bucket?policy", r#"{"Statement":[]}"#);
        assert_eq!((&*put.operation, put.is_read), ("PUT /bucket", false));
        assert_eq!(put.parameters, json!({"policy": "", "Statement": []}));
    }

    #[test]
    fn reads_are_known_in_each_protocol_those_by_post_too() {
        for read in [
            json_call("organizations", "AWSOrganizationsV20161128.ListParents", "{}"),
            json_call("dynamodb", "DynamoDB_20120810.BatchGetItem", "{}"),
            form_call("ec2", "Action=DescribeSubnets&Version=2016-11-15"),
            form_call("iam", "Action=GetRolePolicy&Version=2010-05-08"),
            form_call("sts", "Action=AssumeRole&Version=2011-06-15"),
            rest_call("ram", "POST", "/getresourceshares", "{}"),
            rest_call("account", "POST", "/getAccountInformation", "{}"),
            rest_call("s3", "GET", "/bucket?policy", ""),
            rest_call("s3", "HEAD", "/bucket", ""),
        ] {
            assert!(read.is_read, "{read:?}");
        }
        for change in [
            json_call("organizations", "AWSOrganizationsV20161128.MoveAccount", "{}"),
            json_call("any", "Any.Listen", "{}"),
            json_call("any", "Any.AssumeRole", "{}"),
            json_call("dynamodb", "DynamoDB_20120810.UpdateItem", "{}"),
            form_call("iam", "Action=PutRolePolicy&Version=2010-05-08"),
            form_call("iam", "Version=2010-05-08"),
            rest_call("ram", "POST", "/createresourceshare", "{}"),
            rest_call("ram", "POST", "/associateresourceshare", "{}"),
            rest_call("account", "POST", "/putAccountName", "{}"),
            // A bucket may be called like a read.
            rest_call("s3", "POST", "/list-of-things?delete", ""),
            rest_call("lambda", "POST", "/2015-03-31/functions/get/invocations", ""),
        ] {
            assert!(!change.is_read, "{change:?}");
        }
    }

    #[test]
    fn what_is_not_signed_is_of_the_service_that_its_host_names() {
        let unsigned = call("POST", "https://sts.eu-west-1.amazonaws.com", &[("x-amz-target", "Sts.Tag")], "");
        assert_eq!((&*unsigned.service, unsigned.parameters), ("sts", Value::Null));
    }
}
