//! Where EC2 is, as the SDKs' rules say.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html>

use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, error::ResolveEndpointError,
};
use aws_smithy_types::endpoint::Endpoint;
use aws_types::{SdkConfig, service_config::ServiceConfigKey};

/// How the names of a partition's Regions begin, and what its hosts' names end in, dual-stack ones last. All others are the
/// first one's.
const PARTITIONS: [(&str, &str, &str); 7] = [
    ("", "amazonaws.com", "api.aws"),
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

/// EC2's address, or why there is none, in the words of the SDKs.
#[derive(Debug)]
pub(crate) struct Address(Result<String, &'static str>);

impl Address {
    pub(crate) fn of(aws: &SdkConfig) -> Self {
        let (is_fips, is_dual_stack) = (aws.use_fips().unwrap_or(false), aws.use_dual_stack().unwrap_or(false));
        Self(match (configured(aws), aws.region()) {
            (Some(_), _) if is_fips => Err("Invalid Configuration: FIPS and custom endpoint are not supported"),
            (Some(_), _) if is_dual_stack => {
                Err("Invalid Configuration: Dualstack and custom endpoint are not supported")
            }
            (Some(configured), _) => Ok(configured),
            (None, Some(region)) => Ok(of_region(region.as_ref(), is_fips, is_dual_stack)),
            (None, None) => Err("Invalid Configuration: Missing Region"),
        })
    }
}

impl ResolveEndpoint for Address {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        let endpoint = self.0.as_ref().map(|address| Endpoint::builder().url(address.clone()).build());
        EndpointFuture::ready(endpoint.map_err(|why| ResolveEndpointError::message(*why).into()))
    }
}

/// What `AWS_ENDPOINT_URL_EC2` says, or else `AWS_ENDPOINT_URL`.
fn configured(aws: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id("EC2").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let of_service = aws.service_config().zip(key.ok()).and_then(|(config, key)| config.load_config(key));
    of_service.or_else(|| aws.endpoint_url().map(ToOwned::to_owned))
}

fn of_region(region: &str, is_fips: bool, is_dual_stack: bool) -> String {
    let is_its = |(start, ..): &&(&str, &str, &str)| region.starts_with(start);
    let (_, plain, dual_stack) = PARTITIONS.iter().rev().find(is_its).unwrap_or(&PARTITIONS[0]);
    // In GovCloud every endpoint is FIPS.
    let host = if is_fips && (is_dual_stack || !region.starts_with("us-gov-")) { "ec2-fips" } else { "ec2" };
    format!("https://{host}.{region}.{}", if is_dual_stack { dual_stack } else { plain })
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
    use aws_types::{region::Region, service_config::LoadServiceConfig};

    use super::*;

    /// A Region of each partition.
    const REGIONS: [&str; 10] = [
        "us-east-1",
        "mx-central-1",
        "cn-north-1",
        "eu-isoe-west-1",
        "eusc-de-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-south-1",
        "xx-new-1",
    ];

    /// The rules of Lambda's endpoint are those of EC2's but for `us-gov`, and its crate is there.
    async fn of_lambda(region: &str, is_fips: bool, is_dual_stack: bool) -> String {
        let params = Params::builder().region(region).use_fips(is_fips).use_dual_stack(is_dual_stack).build().unwrap();
        DefaultResolver::new().resolve_endpoint(&params).await.unwrap().url().to_owned()
    }

    #[tokio::test]
    async fn the_partitions_are_those_of_the_sdks() {
        for region in REGIONS {
            for (is_fips, is_dual_stack) in [(false, false), (false, true), (true, false), (true, true)] {
                let lambda = of_lambda(region, is_fips, is_dual_stack).await;
                let ours = of_region(region, is_fips, is_dual_stack);
                if (region, is_fips, is_dual_stack) == ("us-gov-west-1", true, false) {
                    assert_eq!(ours, "https://ec2.us-gov-west-1.amazonaws.com");
                } else {
                    assert_eq!(ours, lambda.replacen("lambda", "ec2", 1), "{region}");
                }
            }
        }
    }

    /// What the environment says.
    #[derive(Debug)]
    struct Variable(&'static str);

    impl LoadServiceConfig for Variable {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let is_it = key.service_id() == "EC2" && key.env() == "AWS_ENDPOINT_URL";
            is_it.then(|| self.0.to_owned())
        }
    }

    #[test]
    fn an_address_that_is_said_comes_first_and_is_never_fips() {
        let aws = SdkConfig::builder().region(Region::new("us-east-1")).endpoint_url("http://127.0.0.1:1").build();
        assert_eq!(Address::of(&aws).0.unwrap(), "http://127.0.0.1:1");
        let aws = aws.to_builder().service_config(Variable("http://127.0.0.1:2")).build();
        assert_eq!(Address::of(&aws).0.unwrap(), "http://127.0.0.1:2");
        for aws in [aws.to_builder().use_fips(true), aws.to_builder().use_dual_stack(true)] {
            assert!(Address::of(&aws.build()).0.is_err());
        }
    }
}
