//! The policies of S3's buckets.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>

use std::time::Duration;

use aws_sdk_s3::{
    Client, config::http::HttpResponse, error::SdkError, operation::put_bucket_policy::PutBucketPolicyError,
};
use custom_resource::{AwsError, Passing, Result, SdkConfig, SdkResult};
use policy_statement::{Limit, Objection, Policy, PolicyStore, Resources, Rules, TargetLocation};

use crate::bucket::Bucket;

const NO_POLICY: &str = "NoSuchBucketPolicy";
const NO_BUCKET: &str = "NoSuchBucket";
const DENIED: &str = "AccessDenied";
/// Somebody else is changing the bucket.
const CONFLICT: &str = "OperationAborted";

/// What S3 says of a principal that it doesn't know, with the code of every malformed policy.
const PRINCIPAL_UNSEEN: &str = "Invalid principal in policy";

/// What it says of one that is too large: "Normalized policy document exceeds the maximum allowed size of 20480 bytes".
const TOO_LARGE: &str = "exceeds the maximum allowed size";

/// How long another's change, or the making of the bucket, may take to be over.
const PASSES_WITHIN: Duration = Duration::from_mins(2);

/// What S3 says to a write that meets another one.
const BUSY: Passing = Passing { codes: &[CONFLICT], within: PASSES_WITHIN };

/// What S3 says of a bucket that was made a moment ago.
const NEW_BUCKET: Passing = Passing { codes: &[NO_BUCKET], within: PASSES_WITHIN };

/// S3, as a store of policies.
#[derive(Debug)]
pub(crate) struct Buckets(Client);

impl Buckets {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws))
    }
}

// A bucket has no identity: its CreationDate changes with its policy, but in us-east-1, which most functions don't call.
// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Bucket.html>, <https://github.com/aws/aws-cli/issues/3597>
impl PolicyStore for Buckets {
    type Target = Bucket;
    const TYPE: &'static str = "Custom::S3PolicyStatement";
    const RULES: Rules = Rules {
        policy: "a bucket policy",
        services: &["s3"],
        every_action: true,
        refused: &[],
        principals: true,
        canonical_users: true,
        resources: Resources::Of("s3"),
    };
    const LIMIT: Limit = Limit::bytes(20_480);
    const DELETED_WHEN_EMPTY: bool = true;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = Some(Duration::from_secs(30));
    const OPENED_BY: &'static str =
        "the parameter BucketArns of the functions' stack says which buckets the function may change";

    async fn get(&self, TargetLocation { account, target }: &TargetLocation<Bucket>) -> Result<Policy> {
        let request = self.0.get_bucket_policy().bucket(&target.name).set_expected_bucket_owner(account.clone());
        match request.send().await.into_aws_error() {
            Ok(policy) => Ok(policy.policy.map_or(Policy::Absent, Policy::Text)),
            Err(error) if error.code() == NO_POLICY => Ok(Policy::Absent),
            Err(error) if error.code() == NO_BUCKET => Ok(Policy::NoTarget(error)),
            // S3 says so of most buckets of other accounts; who may read the policy is in the right one.
            Err(error) if error.code() == DENIED && account.is_none() => Err(error
                .advised("if the bucket belongs to another account, name a role of that account as RoleArn")
                .into()),
            Err(error) => Err(with_the_way_in(error).into()),
        }
    }

    async fn put(
        &self,
        TargetLocation { account, target }: &TargetLocation<Bucket>,
        text: &str,
    ) -> Result<(), AwsError> {
        let request = self.0.put_bucket_policy().bucket(&target.name).set_expected_bucket_owner(account.clone());
        let put = request.policy(text).send().await.map_err(with_detail);
        put.passing(&[BUSY, NEW_BUCKET]).map(drop).map_err(with_the_way_in)
    }

    async fn delete(&self, TargetLocation { account, target }: &TargetLocation<Bucket>) -> Result<(), AwsError> {
        let request = self.0.delete_bucket_policy().bucket(&target.name).set_expected_bucket_owner(account.clone());
        let deleted = request.send().await.none_if(&[NO_POLICY, NO_BUCKET]).passing(&[BUSY]);
        deleted.map(drop).map_err(with_the_way_in)
    }

    fn objection(error: &AwsError) -> Objection {
        match error.code() {
            "MalformedPolicy" if error.message().contains(PRINCIPAL_UNSEEN) => Objection::Principal,
            "MalformedPolicy" if error.message().contains(TOO_LARGE) => Objection::Size,
            "PolicyTooLarge" => Objection::Size,
            _ => Objection::Other,
        }
    }
}

/// S3's answer says which principal it doesn't know, beside its words.
/// <https://github.com/MIT-LCP/physionet-build/issues/2094>
fn with_detail(error: SdkError<PutBucketPolicyError, HttpResponse>) -> AwsError {
    let body = error.raw_response().and_then(|response| str::from_utf8(response.body().bytes()?).ok());
    let detail = body.and_then(|body| body.split_once("<Detail>")?.1.split_once("</Detail>"));
    let detail = detail.map(|(detail, _)| detail.replace("&quot;", "\""));
    let error = AwsError::from(error);
    match detail {
        Some(detail) if error.message().contains(PRINCIPAL_UNSEEN) => error.advised(&detail),
        _ => error,
    }
}

/// S3 says that a bucket is elsewhere in many ways, and in none of them what to do about it.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn with_the_way_in(error: AwsError) -> AwsError {
    match error.code() {
        "MethodNotAllowed" => error.advised(
            "the bucket belongs to another account, and S3 takes changes of its policy from there alone; name a role of \
             that account as RoleArn",
        ),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            error.advised("the bucket is in another Region; use the function that is installed there")
        }
        _ => error,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
