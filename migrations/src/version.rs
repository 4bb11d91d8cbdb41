//! Versions of the extension, which Postgres keeps as text.

use std::fmt;

/// A version such as `0.1.0`, compared number by number.
#[derive(Debug, Clone, Eq)]
pub struct Version(String);

impl Version {
    /// Takes a version as Postgres tells it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the version as Postgres tells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the leading number of each part; a part without one counts as 0, and so does a missing part.
    fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.split('.').map(|part| {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            part[..digits].parse().unwrap_or(0)
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let parts = self.0.split('.').count().max(other.0.split('.').count());
        let padded = |version: &Self| {
            let mut numbers: Vec<u64> = version.numbers().collect();
            numbers.resize(parts, 0);
            numbers
        };
        padded(self).cmp(&padded(other))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(text: &str) -> Version {
        Version::new(text)
    }

    #[test]
    fn parts_compare_as_numbers() {
        assert!(version("0.10.0") > version("0.9.9"));
        assert!(version("1.0.0") > version("0.99.99"));
        assert!(version("0.1.0") < version("0.1.1"));
    }

    #[test]
    fn missing_part_counts_as_zero() {
        assert_eq!(version("0.1"), version("0.1.0"));
        assert!(version("0.1") < version("0.1.1"));
    }

    #[test]
    fn text_that_is_no_number_counts_as_zero() {
        assert_eq!(version("unpackaged"), version("0"));
        assert!(version("0.2.0-beta") > version("0.1.9"));
    }
}
