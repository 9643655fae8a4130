//! The parts that the SDKs' clients are made of, put together as they do.
//! <https://docs.rs/aws-smithy-runtime>

use aws_runtime::{
    auth::{SigV4OperationSigningConfig, sigv4},
    invocation_id::InvocationIdInterceptor,
    recursion_detection::RecursionDetectionInterceptor,
    request_info::RequestInfoInterceptor,
    retries::classifiers::AwsErrorCodeClassifier,
    service_clock_skew::{DisableClockSkewCorrection, ServiceClockSkewClassifier, ServiceClockSkewInterceptor},
    user_agent::{ApiMetadata, UserAgentInterceptor},
};
use aws_smithy_runtime::client::{
    http::connection_poisoning::ConnectionPoisoningInterceptor,
    identity::IdentityCache,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
    stalled_stream_protection::StalledStreamProtectionInterceptor,
};
use aws_smithy_runtime_api::client::{
    auth::{
        AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
        static_resolver::StaticAuthSchemeOptionResolver,
    },
    endpoint::{EndpointResolverParams, SharedEndpointResolver},
    interceptors::SharedInterceptor,
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::{
    config_bag::{FrozenLayer, Layer},
    error::ErrorMetadata,
};
use aws_types::{SdkConfig, SigningName, region::SigningRegion};

use crate::endpoint::Address;

const NAME: &str = "ec2";

/// What every call to EC2 has in common.
pub(crate) fn plugin(aws: &SdkConfig) -> StaticRuntimePlugin {
    StaticRuntimePlugin::new().with_config(settings(aws)).with_runtime_components(components(aws))
}

fn settings(aws: &SdkConfig) -> FrozenLayer {
    let mut settings = Layer::new(NAME);
    settings
        .store_put(ApiMetadata::new(NAME, env!("CARGO_PKG_VERSION")))
        .store_put(AuthSchemeOptionResolverParams::new(()))
        .store_put(EndpointResolverParams::new(()))
        .store_put(SigningName::from_static(NAME))
        .store_put(SigV4OperationSigningConfig::default())
        .store_or_unset(aws.region().cloned().map(SigningRegion::from))
        .store_or_unset(aws.disable_clock_skew_correction().map(DisableClockSkewCorrection::from));
    // What isn't set stays as the runtime has it.
    if let Some(name) = aws.app_name() {
        settings.store_put(name.clone());
    }
    if let Some(retries) = aws.retry_config() {
        settings.store_put(retries.clone());
    }
    if let Some(timeouts) = aws.timeout_config() {
        settings.store_put(timeouts.clone());
    }
    if let Some(protection) = aws.stalled_stream_protection() {
        settings.store_put(protection);
    }
    settings.freeze()
}

fn components(aws: &SdkConfig) -> RuntimeComponentsBuilder {
    let mut components = RuntimeComponentsBuilder::new(NAME)
        .with_auth_scheme(SharedAuthScheme::new(sigv4::SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]),
        )))
        .with_endpoint_resolver(Some(SharedEndpointResolver::new(Address::of(aws))))
        .with_http_client(aws.http_client())
        .with_identity_cache(Some(aws.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build())))
        .with_interceptor(SharedInterceptor::permanent(ConnectionPoisoningInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(InvocationIdInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(RecursionDetectionInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(RequestInfoInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(ServiceClockSkewInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(StalledStreamProtectionInterceptor::default()))
        .with_interceptor(SharedInterceptor::permanent(UserAgentInterceptor::new()))
        .with_retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new());
    if let Some(credentials) = aws.credentials_provider() {
        components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
    }
    if let Some(sleep) = aws.sleep_impl() {
        components.set_sleep_impl(Some(sleep));
    }
    if let Some(time) = aws.time_source() {
        components.set_time_source(Some(time));
    }
    components
}
