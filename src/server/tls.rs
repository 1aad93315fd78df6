//! TLS on the main listener.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

/// Why the files of `TLS_CERT` and `TLS_KEY` cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is not the PEM that it should be.
    #[error("{path} holds no usable PEM {what}: {source}")]
    Pem {
        /// The file.
        path: String,
        /// What was looked for.
        what: &'static str,
        /// What the parser said.
        source: rustls::pki_types::pem::Error,
    },
    /// The key does not belong to the certificate, or its kind is not supported.
    #[error("TLS_CERT and TLS_KEY cannot be used together: {0}")]
    Rustls(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 with the given files; HTTP/2 by ALPN.
///
/// # Errors
/// [`TlsError`] when the files cannot be used.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let fault = |path: &Path, what| {
        let path = path.display().to_string();
        move |source| TlsError::Pem { path, what, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(fault(&files.certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(fault(&files.key, "private key"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
