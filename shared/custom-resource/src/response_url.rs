//! The URL that CloudFormation waits at: a bearer secret, and a request to write somewhere, so it is checked first.

use std::{fmt, time::Duration};

use aws_smithy_types::{DateTime, date_time::Format};
use url::{Host, Url};

/// The DNS suffixes of AWS's partitions, as in botocore's `partitions.json`.
const DNS_SUFFIXES: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// How the names of CloudFormation's buckets for answers begin; the name of the Region without its dashes follows.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/vpc-interface-endpoints.html>
const BUCKET_PREFIX: &str = "cloudformation-custom-resource-response-";

/// The variable in which Lambda says where the function is.
const REGION: &str = "AWS_REGION";

/// A pre-signed URL to which exactly one answer is PUT. Whoever knows it may answer, so it never prints.
#[derive(Clone)]
pub struct ResponseUrl(Url);

impl ResponseUrl {
    /// Where to PUT. Only `deliver` may need it.
    pub(crate) fn expose(&self) -> &Url {
        &self.0
    }

    /// When CloudFormation signed it, and so made the request, in milliseconds since 1970: `X-Amz-Date` of a signature of
    /// version 4, and in one of version 2 two hours before `Expires`. `None` if it says neither.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
    pub(crate) fn signed_at(&self) -> Option<u64> {
        let parameter =
            |name: &str| self.0.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let seconds = match parameter("X-Amz-Date") {
            Some(date) => seconds_of(&date)?,
            None => parameter("Expires")?.parse::<u64>().ok()?.checked_sub(VALID_FOR.as_secs())?,
        };
        seconds.checked_mul(1000)
    }
}

/// How long CloudFormation's URLs are valid.
const VALID_FOR: Duration = Duration::from_hours(2);

/// `20261130T042126Z` in seconds since 1970.
fn seconds_of(date: &str) -> Option<u64> {
    let is_written_so = |(place, byte): (usize, u8)| match place {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    if date.len() != 16 || !date.bytes().enumerate().all(is_written_so) {
        return None;
    }
    let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(9, 11), part(11, 13), part(13, 15));
    let date = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    let date = DateTime::from_str(&date, Format::DateTime).ok()?;
    u64::try_from(date.secs()).ok()
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(..)")
    }
}

/// Where answers may be sent: CloudFormation's bucket in one Region, and what the environment adds.
#[derive(Debug, Clone)]
pub struct ResponseHosts {
    region: String,
    added: Vec<url::Origin>,
}

impl ResponseHosts {
    /// CloudFormation's bucket in the Region `AWS_REGION`, the hosts in `RESPONSE_HOSTS` (commas between them; a host such as
    /// `answers.example.com`, or an origin such as `http://10.0.0.1:8080`), and the origin of `AWS_ENDPOINT_URL`.
    ///
    /// Lambda always sets `AWS_REGION`. A process without it isn't on Lambda, and has no bucket: anybody may own a bucket
    /// whose name only begins like CloudFormation's.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let (listed, endpoint) = (variable("RESPONSE_HOSTS"), variable("AWS_ENDPOINT_URL"));
        Self::in_region(&variable(REGION)).with(listed.split(',').chain([endpoint.as_str()]))
    }

    /// CloudFormation's bucket in that Region, such as `us-east-1`: a stack and the functions of its resources are in the same
    /// one. None if it is empty.
    #[must_use]
    pub fn in_region(region: &str) -> Self {
        Self { region: region.to_owned(), added: Vec::new() }
    }

    pub(crate) fn with<'a>(self, hosts: impl Iterator<Item = &'a str>) -> Self {
        let origin = |entry: &str| {
            let entry = entry.trim();
            let url = if entry.contains("://") { Url::parse(entry) } else { Url::parse(&format!("https://{entry}")) };
            url.ok().map(|url| url.origin())
        };
        Self { added: hosts.filter(|entry| !entry.trim().is_empty()).filter_map(origin).collect(), ..self }
    }

    /// Reads a `ResponseURL`.
    ///
    /// # Errors
    /// What is wrong with it, without saying it.
    pub fn admit(&self, url: &str) -> Result<ResponseUrl, &'static str> {
        let url = Url::parse(url).map_err(|_| "it is not a URL")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it names a user");
        }
        if self.added.contains(&url.origin()) {
            return Ok(ResponseUrl(url));
        }
        if url.scheme() != "https" {
            return Err("it is not https");
        }
        if url.port_or_known_default() != Some(443) {
            return Err("its port is not 443");
        }
        if is_response_bucket(&url, &self.region) {
            Ok(ResponseUrl(url))
        } else {
            Err("it is not CloudFormation's response bucket in the function's Region")
        }
    }
}

/// Whether the host is S3's and the bucket CloudFormation's in that Region, in either style of S3's URLs. Each label of the
/// host counts as a whole: other services let anyone choose the first label of a name under `amazonaws.com`.
fn is_response_bucket(url: &Url, region: &str) -> bool {
    let Some(Host::Domain(host)) = url.host() else { return false };
    let Some(name) = DNS_SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix)?.strip_suffix('.')) else {
        return false;
    };
    if region.is_empty() {
        return false;
    }
    let bucket = format!("{BUCKET_PREFIX}{}", region.replace('-', ""));
    match name.strip_prefix(&bucket).and_then(|rest| rest.strip_prefix('.')) {
        Some(s3) => is_s3(s3, region),
        None => is_s3(name, region) && url.path_segments().and_then(|mut path| path.next()) == Some(&bucket),
    }
}

/// Whether a host is S3's in that Region, or S3's without one, by what stands before the suffix of the partition.
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
fn is_s3(labels: &str, region: &str) -> bool {
    match labels.split('.').collect::<Vec<_>>()[..] {
        ["s3"] => true,
        // Before 2019, and FIPS in GovCloud.
        [first] => ["s3-", "s3-fips-"].iter().any(|s3| first.strip_prefix(s3) == Some(region)),
        ["s3" | "s3-fips", rest] | ["s3" | "s3-fips", "dualstack", rest] => rest == region,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a URL in a Region.
    fn verdict(region: &str, url: &str) -> Result<(), &'static str> {
        ResponseHosts::in_region(region).admit(url).map(drop)
    }

    #[test]
    fn cloudformation_s_bucket_is_admitted_in_every_form_and_partition() {
        for (region, rest) in [
            ("us-east-1", "useast1.s3.amazonaws.com/arn?Signature=x"),
            ("us-east-1", "useast1.s3.us-east-1.amazonaws.com/arn?X-Amz-Signature=x"),
            ("us-west-2", "uswest2.s3-us-west-2.amazonaws.com/arn?Signature=x"),
            ("us-west-2", "uswest2.s3.dualstack.us-west-2.amazonaws.com:443/arn"),
            ("ca-central-1", "cacentral1.s3-fips.ca-central-1.amazonaws.com/arn"),
            ("us-gov-east-1", "usgoveast1.s3-fips.dualstack.us-gov-east-1.amazonaws.com/arn"),
            ("us-gov-west-1", "usgovwest1.s3-fips-us-gov-west-1.amazonaws.com/arn"),
            ("us-gov-west-1", "usgovwest1.s3.us-gov-west-1.amazonaws.com/arn"),
            ("cn-north-1", "cnnorth1.s3.cn-north-1.amazonaws.com.cn/arn"),
            ("eusc-de-east-1", "euscdeeast1.s3.eusc-de-east-1.amazonaws.eu/arn"),
            ("us-iso-east-1", "usisoeast1.s3.us-iso-east-1.c2s.ic.gov/arn"),
            ("us-isob-east-1", "usisobeast1.s3.us-isob-east-1.sc2s.sgov.gov/arn"),
            ("eu-isoe-west-1", "euisoewest1.s3.eu-isoe-west-1.cloud.adc-e.uk/arn"),
            ("us-isof-east-1", "usisofeast1.s3.us-isof-east-1.csp.hci.ic.gov/arn"),
        ] {
            let (host, path) = rest.split_once('/').unwrap();
            let (bucket, s3) = host.split_once('.').unwrap();
            for url in [
                format!("https://{BUCKET_PREFIX}{host}/{path}"),
                format!("https://{s3}/{BUCKET_PREFIX}{bucket}/{path}"),
            ] {
                assert_eq!(verdict(region, &url), Ok(()), "{url}");
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for url in [
            "not a url",
            "http://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn",
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com:8443/arn",
            "https://user@cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn",
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.evil.example/arn",
            "https://cloudformation-custom-resource-response-useast1.s3.evilamazonaws.com/arn",
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com@evil.example/arn",
            "https://cloudformation-custom-resource-response-useast1.us-east-1.elb.amazonaws.com/arn",
            "https://someone-s-bucket.s3.amazonaws.com/cloudformation-custom-resource-response-useast1/arn",
            "https://s3.amazonaws.com/someone-s-bucket/cloudformation-custom-resource-response-useast1",
            "https://s3.amazonaws.com/",
            "https://169.254.169.254/cloudformation-custom-resource-response-useast1",
            "https://[::1]/cloudformation-custom-resource-response-useast1",
            "file:///etc/passwd",
        ] {
            assert!(verdict("us-east-1", url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_host_of_another_service_that_begins_like_s3_s_is_refused() {
        for host in [
            "s3-evil.us-east-1.elb.amazonaws.com",
            "s3.us-east-1.elb.amazonaws.com",
            "s3.elb.us-east-1.amazonaws.com",
            "s3-evil.amazonaws.com",
            "s3-us-east-1.us-east-1.elb.amazonaws.com",
            "s3-us-east-1.execute-api.us-east-1.amazonaws.com",
            "s3-website-us-east-1.amazonaws.com",
            "s3-accesspoint.us-east-1.amazonaws.com",
            "s3.dualstack.elb.amazonaws.com",
        ] {
            let in_path = format!("https://{host}/cloudformation-custom-resource-response-useast1/arn");
            let in_host = format!("https://cloudformation-custom-resource-response-useast1.{host}/arn");
            assert!(verdict("us-east-1", &in_path).is_err(), "{in_path}");
            assert!(verdict("us-east-1", &in_host).is_err(), "{in_host}");
        }
    }

    #[test]
    fn a_bucket_whose_name_only_begins_like_cloudformation_s_is_refused_and_so_is_that_of_another_region() {
        for bucket in ["useast1x", "useast1-x", "us-east-1", "x", "", "useast2", "uswest2", "USEAST1%20"] {
            let bucket = format!("{BUCKET_PREFIX}{bucket}");
            assert!(verdict("us-east-1", &format!("https://{bucket}.s3.amazonaws.com/arn")).is_err(), "{bucket}");
            assert!(verdict("us-east-1", &format!("https://s3.amazonaws.com/{bucket}/arn")).is_err(), "{bucket}");
        }
        let elsewhere = format!("https://{BUCKET_PREFIX}useast1.s3.us-west-2.amazonaws.com/arn");
        assert!(verdict("us-east-1", &elsewhere).is_err());
        let nowhere = format!("https://{BUCKET_PREFIX}.s3.amazonaws.com/arn");
        assert!(verdict("", &nowhere).is_err());
    }

    #[test]
    fn the_environment_adds_hosts_and_whole_origins_and_nothing_near_them() {
        let hosts = ResponseHosts::in_region("us-east-1")
            .with([" answers.example.com", "http://127.0.0.1:4566", "", "::"].into_iter());
        for (url, admitted) in [
            ("https://answers.example.com/a?b=c", true),
            ("http://answers.example.com/a", false),
            ("https://answers.example.com:8443/a", false),
            ("http://127.0.0.1:4566/_ministack/cfn-response/token", true),
            ("http://127.0.0.1:4567/", false),
            ("http://user@127.0.0.1:4566/", false),
        ] {
            assert_eq!(hosts.admit(url).is_ok(), admitted, "{url}");
        }
    }

    #[test]
    fn a_url_says_when_it_was_signed_in_both_versions_of_the_signature() {
        let bucket = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn";
        let signed_at = |query: &str| {
            ResponseHosts::in_region("us-east-1").admit(&format!("{bucket}?{query}")).unwrap().signed_at()
        };
        assert_eq!(
            signed_at("X-Amz-Expires=7200&X-Amz-Date=20261130T042126Z&X-Amz-Signature=s"),
            Some(1_796_012_486_000)
        );
        assert_eq!(signed_at("AWSAccessKeyId=a&Expires=1796019686&Signature=s"), Some(1_796_012_486_000));
        for silent in [
            "",
            "Signature=s",
            "X-Amz-Date=yesterday",
            "X-Amz-Date=20261330T042126Z",
            "X-Amz-Date=2026-11-30T04:21",
            "X-Amz-Date=20261130T04212é",
            "Expires=7199",
            "Expires=18446744073709551615",
        ] {
            assert_eq!(signed_at(silent), None, "{silent}");
        }
    }

    #[test]
    fn a_response_url_never_prints() {
        let url = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn?Signature=s3cret";
        assert_eq!(format!("{:?}", ResponseHosts::in_region("us-east-1").admit(url)), "Ok(ResponseUrl(..))");
    }
}
