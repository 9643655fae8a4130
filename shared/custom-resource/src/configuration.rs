//! The configuration of the SDKs, from what Lambda puts into the environment.

use std::{env, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    meta::region::ProvideRegion,
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::{http::Sdk, metrics::FUNCTION_NAME};

/// One try of an AWS call; what takes longer is cut off and, where that is safe, tried again.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The configuration by variables alone, where aws-config's loader looks into files as well, which no function has: that
/// costs half a megabyte of binary, and time at each start.
///
/// The user agent ends in the function's name: a trail shows it, that of another account as well, where no role tells one
/// function from another.
pub(crate) async fn configuration(http: Sdk) -> SdkConfig {
    let mut aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(http)
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .retry_config(RetryConfig::standard())
        .service_config(Variables)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(CALL_TIMEOUT).build())
        .use_dual_stack(is_set("AWS_USE_DUALSTACK_ENDPOINT"))
        .use_fips(is_set("AWS_USE_FIPS_ENDPOINT"));
    aws.set_app_name(env::var(FUNCTION_NAME).ok().and_then(|name| AppName::new(name).ok()));
    aws.build()
}

fn is_set(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What is said to one service, as in `AWS_ENDPOINT_URL_DYNAMODB`, or else to all of them.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
#[derive(Debug)]
struct Variables;

impl LoadServiceConfig for Variables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        load(&key, |variable| env::var(variable).ok())
    }
}

fn load(key: &ServiceConfigKey<'_>, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
    variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_variable_says_to_one_service_comes_before_what_it_says_to_all() {
        let key = |service| {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
            key.build().unwrap()
        };
        let variable = |name: &str| match name {
            "AWS_ENDPOINT_URL_RESOURCE_GROUPS" => Some("http://127.0.0.1:1".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:2".to_owned()),
            _ => None,
        };
        assert_eq!(load(&key("Resource Groups"), variable).as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(load(&key("ECR"), variable).as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(load(&key("ECR"), |_| None), None);
    }
}
