//! What does the cryptography of a connection.
//!
//! It is always given to rustls explicitly. `ClientConfig::builder()` would install a default for the whole process, and panics
//! in a program that has both providers compiled in.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
#[cfg(not(feature = "tls-ring"))]
use rustls::crypto::aws_lc_rs as compiled;
#[cfg(feature = "tls-ring")]
use rustls::crypto::ring as compiled;

/// Returns the provider that the program has installed as the default of its process. Without one it is what this crate's
/// features name: ring, if they name both.
pub(super) fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(compiled::default_provider()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No other test may install a default: there is one for the whole process.
    #[test]
    fn installed_provider_is_used_and_none_is_installed() {
        provider();
        assert!(CryptoProvider::get_default().is_none());

        compiled::default_provider().install_default().unwrap();
        let installed = CryptoProvider::get_default().unwrap();
        assert!(Arc::ptr_eq(&provider(), installed));
    }
}
