//! A certificate for 127.0.0.1, and the authority that all who call have to trust; both of ECDSA, on P-256.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::Failed;

/// What the servers show, and the file with what proves it.
pub(crate) struct Certificate {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) bundle: PathBuf,
}

impl Certificate {
    /// Makes both; the bundle is written into `folder`.
    pub(crate) fn make(folder: &Path) -> Result<Self, Failed> {
        let mut authority = CertificateParams::new([])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        authority.distinguished_name.push(DnType::CommonName, "Archipelago's benchmark");
        let authority_key = KeyPair::generate()?;
        let bundle = folder.join("authority.pem");
        std::fs::write(&bundle, authority.self_signed(&authority_key)?.pem())?;

        let key = KeyPair::generate()?;
        let mut own = CertificateParams::new(["127.0.0.1".to_owned()])?;
        own.distinguished_name.push(DnType::CommonName, "127.0.0.1");
        let own = own.signed_by(&key, &Issuer::new(authority, authority_key))?;
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { server: Arc::new(server), bundle })
    }
}
