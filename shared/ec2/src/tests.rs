//! What the client sends, and what it makes of what comes back.

use std::time::Duration;

use aws_credential_types::{
    credential_fn::provide_credentials_fn,
    provider::{SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_http_client::test_util::StaticReplayClient;
use aws_smithy_types::retry::RetryConfig;
use aws_types::sdk_config::Builder;
use custom_resource::{AwsError, Error, NotYet};

use crate::{
    Client, Subnet, Tag, Vpc,
    testing::{answers, answers_at, asked, configuration},
};

const DONE: (u16, &str) = (200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>");
const PAGE_FOR_PEOPLE: &str = "<!DOCTYPE html><html><body><h1>Bad Gateway</h1></body></html>";
const OUTAGE: Duration = Duration::from_mins(2);

fn client(http: &StaticReplayClient) -> Client {
    Client::new(&configuration(http).build())
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

async fn tag(client: &Client) -> Result<(), AwsError> {
    client.create_tags(&["subnet-1".to_owned(), "vpc-1".to_owned()], &[pair("Name", "a & b")]).await
}

fn refusal(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code>\
         <Message>{message}</Message></Error></Errors><RequestID>5a7e</RequestID></Response>"
    )
}

/// How a call ends that is answered so, as often as it is made, and how often that is.
async fn ended(status: u16, body: &str) -> (AwsError, usize) {
    let http = answers(&[(status, body); 5]);
    let ended = tag(&client(&http)).await.unwrap_err();
    (ended, asked(&http).len())
}

fn window(error: AwsError) -> Option<Duration> {
    match Error::from(error) {
        Error::NotYet(NotYet { within, .. }) => within,
        _ => None,
    }
}

#[tokio::test]
async fn a_request_is_a_signed_form_that_names_the_function() {
    let http = answers(&[DONE]);
    tag(&client(&http)).await.unwrap();
    let request = http.actual_requests().next().unwrap();
    let header = |name| request.headers().get(name).unwrap_or_default();
    assert_eq!((request.method(), request.uri()), ("POST", "https://ec2.eu-west-1.amazonaws.com/"));
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    let signed = header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=key/"), "{signed}");
    assert!(signed.contains("/eu-west-1/ec2/aws4_request, SignedHeaders="), "{signed}");
    assert_eq!(header("x-amz-security-token"), "token");
    assert!(header("user-agent").contains("app/archipelago-any"), "{}", header("user-agent"));
    assert!(header("amz-sdk-request").starts_with("attempt=1"), "{}", header("amz-sdk-request"));
    assert!(!header("amz-sdk-invocation-id").is_empty());
    assert_eq!(
        asked(&http),
        [
            "Action=CreateTags&Version=2016-11-15&ResourceId.1=subnet-1&ResourceId.2=vpc-1&Tag.1.Key=Name&Tag.1.Value=a+%26+b"
        ]
    );
}

#[tokio::test]
async fn all_pages_are_read_even_if_one_of_them_is_empty() {
    let http = answers(&[
        (200, "<DescribeSubnetsResponse><subnetSet/><nextToken>one</nextToken></DescribeSubnetsResponse>"),
        (
            200,
            "<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><tagSet><item>\
             <key>Name</key><value>a</value></item><item><key>empty</key><value/></item></tagSet></item></subnetSet>\
             <nextToken>two</nextToken></DescribeSubnetsResponse>",
        ),
        (
            200,
            "<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-2</subnetId><vpcId>vpc-1</vpcId><tagSet/></item>\
             </subnetSet><nextToken/></DescribeSubnetsResponse>",
        ),
    ]);
    let found = client(&http).describe_subnets(&[("vpc-id", &["vpc-1".to_owned()])]).await.unwrap();
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    let subnet = |id: &str, tags| Subnet { subnet_id: id.to_owned(), vpc_id: "vpc-1".to_owned(), tags };
    assert_eq!(found, [subnet("subnet-1", vec![tag("Name", "a"), tag("empty", "")]), subnet("subnet-2", vec![])]);
    let first = "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1";
    assert_eq!(asked(&http), [first, &format!("{first}&NextToken=one"), &format!("{first}&NextToken=two")]);
}

#[tokio::test]
async fn a_list_without_members_may_be_written_over_lines_and_a_text_of_white_space_stays_one() {
    let http = answers(&[
        (200, "<DescribeVpcsResponse>\n  <vpcSet>\n  </vpcSet>\n</DescribeVpcsResponse>"),
        (
            200,
            "<DescribeVpcsResponse>\n<vpcSet>\n<item><vpcId>vpc-1</vpcId><tagSet>\r\n\t</tagSet></item>\n<item>\
             <vpcId>vpc-2</vpcId><tagSet>\n<item><key>Name</key><value> \n</value></item>\n</tagSet></item>\n</vpcSet>\n\
             </DescribeVpcsResponse>",
        ),
        (
            200,
            "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId><tagSet>any</tagSet></item></vpcSet></DescribeVpcsResponse>",
        ),
    ]);
    let client = client(&http);
    assert_eq!(client.describe_vpcs(&[]).await.unwrap(), []);
    let tags: Vec<_> = client.describe_vpcs(&[]).await.unwrap().into_iter().map(|vpc| vpc.tags).collect();
    assert_eq!(tags, [vec![], vec![Tag { key: "Name".to_owned(), value: " \n".to_owned() }]]);
    assert!(client.describe_vpcs(&[]).await.is_err());
}

#[tokio::test]
async fn pages_that_never_end_are_an_error() {
    let again = "<DescribeVpcsResponse><vpcSet/><nextToken>again</nextToken></DescribeVpcsResponse>";
    let http = answers(&[(200, again); 3]);
    let ended = client(&http).describe_vpcs(&[]).await.unwrap_err();
    assert_eq!((window(ended), asked(&http).len()), (Some(OUTAGE), 2));
}

#[tokio::test]
async fn what_is_not_there_is_an_empty_list_and_what_lacks_its_id_is_an_error() {
    let http = answers(&[
        (200, "<DescribeVpcsResponse/>"),
        (200, "<DescribeVpcsResponse><vpcSet>any</vpcSet></DescribeVpcsResponse>"),
        (200, "<DescribeVpcsResponse><vpcSet><item><state>available</state></item></vpcSet></DescribeVpcsResponse>"),
    ]);
    let client = client(&http);
    assert_eq!(client.describe_vpcs(&[]).await.unwrap(), Vec::<Vpc>::new());
    for _ in 0..2 {
        assert!(!client.describe_vpcs(&[]).await.unwrap_err().is_refusal());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_said_in_the_words_of_ec2_and_not_asked_again() {
    let body = refusal("InvalidVpcID.NotFound", "The vpc ID &apos;vpc-1&apos; does not exist");
    let (error, calls) = ended(400, &body).await;
    assert_eq!((error.code(), calls), ("InvalidVpcID.NotFound", 1));
    assert_eq!(
        error.to_string(),
        "ec2:CreateTags was refused by AWS with InvalidVpcID.NotFound: The vpc ID 'vpc-1' does not exist"
    );
    assert_eq!(window(error), None);
    let (denied, _) = ended(403, &refusal("UnauthorizedOperation", "You are not authorized")).await;
    assert!(matches!(Error::from(denied), Error::NotYet(denial) if denial.is_denial()));
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_heard_a_moment_later() {
    for code in ["RequestLimitExceeded", "EC2ThrottledException", "Throttling"] {
        let busy = refusal(code, "Request limit exceeded.");
        let http = answers(&[(503, &busy), (400, &busy), DONE]);
        tag(&client(&http)).await.unwrap();
        assert_eq!(asked(&http).len(), 3, "{code}");
        let (error, calls) = ended(400, &busy).await;
        assert!(error.is_refusal() && calls == 3, "{code}: {calls}");
        assert_eq!(window(error), Some(OUTAGE));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_is_corrected_by_that_of_ec2() {
    let refused = refusal("AuthFailure", "AWS was not able to validate the provided access credentials");
    let http = answers_at("Wed, 15 Jun 2101 12:00:00 GMT", &[(403, &refused), DONE, DONE]);
    let client = client(&http);
    for _ in 0..2 {
        tag(&client).await.unwrap();
    }
    let signed = http.actual_requests().filter_map(|request| request.headers().get("x-amz-date"));
    let is_of_ec2: Vec<_> = signed.map(|date| date.starts_with("2101")).collect();
    assert_eq!(is_of_ec2, [false, true, true], "and the next call knows it");
}

#[tokio::test(start_paused = true)]
async fn what_no_ec2_said_is_an_error_and_its_words_stay_out_of_the_sentence() {
    for (status, calls) in [(200, 3), (502, 3), (403, 1)] {
        let (error, made) = ended(status, PAGE_FOR_PEOPLE).await;
        assert_eq!(made, calls, "{status}");
        assert!(!error.to_string().contains("Gateway"), "{error}");
        assert_eq!(error.is_refusal(), status == 403, "nobody knows whether it was done: {status}");
    }
    let (cut_off, _) = ended(200, "<CreateTagsResponse><return>true</ret").await;
    assert_eq!(cut_off.to_string(), "ec2:CreateTags got no answer from AWS: the answer could not be read");
    assert_eq!(window(cut_off), Some(OUTAGE));
    let (other, _) = ended(200, "<DeleteTagsResponse/>").await;
    assert!(!other.is_refusal());
}

#[tokio::test]
async fn a_client_that_does_not_know_where_or_as_whom_sends_nothing_and_says_why_for_good() {
    let ended = async |change: fn(&mut Builder) -> &mut Builder| {
        let http = answers(&[DONE]);
        let mut aws = configuration(&http).retry_config(RetryConfig::disabled());
        change(&mut aws);
        let ended = tag(&Client::new(&aws.build())).await.unwrap_err();
        assert!(asked(&http).is_empty() && ended.is_refusal(), "{ended}");
        let sentence = ended.to_string();
        assert_eq!(window(ended), None, "{sentence}");
        sentence.strip_prefix("ec2:CreateTags was not sent to AWS: ").unwrap_or(&sentence).to_owned()
    };
    let nowhere = ended(|aws| aws.set_region(None)).await;
    assert_eq!(nowhere, "the function has no Region, which Lambda sets in AWS_REGION");
    let no_url = ended(|aws| aws.set_endpoint_url(Some("ec2.example.com/s3cret".to_owned()))).await;
    let local_fips =
        ended(|aws| aws.set_endpoint_url(Some("http://127.0.0.1:1".to_owned())).set_use_fips(Some(true))).await;
    for sentence in [no_url, local_fips] {
        assert!(
            sentence.starts_with("the service has no endpoint: ") && sentence.contains("AWS_ENDPOINT_URL"),
            "{sentence}"
        );
        assert!(!sentence.contains("s3cret"), "{sentence}");
    }
    let nobody = ended(|aws| {
        let nobody = provide_credentials_fn(|| async { Err(CredentialsError::not_loaded("no variable is set")) });
        aws.set_credentials_provider(Some(SharedCredentialsProvider::new(nobody)))
    })
    .await;
    assert!(nobody.starts_with("the function has no credentials"), "{nobody}");
}
