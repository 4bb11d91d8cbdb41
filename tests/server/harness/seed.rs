//! Drawing cases by hand, where each needs an await.

use std::hash::{BuildHasher, RandomState};

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Returns a runner that draws other cases each time, and its seed. `RUNMETA_SEED` draws the same ones again.
pub fn seeded() -> (u64, TestRunner) {
    let seed = match std::env::var("RUNMETA_SEED") {
        Ok(seed) => seed.parse().expect("RUNMETA_SEED is a number"),
        Err(_) => RandomState::new().hash_one(()),
    };
    // Printed if the test fails.
    eprintln!("RUNMETA_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    (seed, TestRunner::new_with_rng(Config::default(), rng))
}
