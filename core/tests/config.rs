//! How many cases a property is tried with.

use proptest::prelude::ProptestConfig;

/// 4,000 cases, which take some ten seconds; PROPTEST_CASES asks for another number, as `make mutants` does.
pub fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 4000;
    }
    config
}
