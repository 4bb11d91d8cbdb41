//! Numbers as their text in JSON.

use std::fmt;

use compact_str::CompactString;

use crate::number as decimal;

/// An exact decimal number, held as its text in JSON. Up to 24 bytes of it need no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(CompactString);

impl Number {
    /// Takes a text that JSON's grammar is known to allow.
    pub(crate) fn unchecked(text: &str) -> Number {
        Number(text.into())
    }

    /// Reads a number as JSON writes it, without blanks. `None` for any other text.
    pub fn parse(text: &str) -> Option<Number> {
        is_number(text).then(|| Number::unchecked(text))
    }

    /// Returns the shortest number that is read as this float. `None` for infinities and NaN.
    pub fn from_f64(float: f64) -> Option<Number> {
        let number = serde_json::Number::from_f64(float)?;
        Some(Number::unchecked(&number.to_string()))
    }

    /// Returns the text, as it was read.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number if it is whole, as `2.0` and `2e0` are, and fits.
    pub fn as_u64(&self) -> Option<u64> {
        decimal::as_u64(&self.0)
    }

    /// Returns the nearest float. `None` beyond the largest.
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|float: &f64| float.is_finite())
    }

    pub(super) fn text(&self) -> &CompactString {
        &self.0
    }
}

/// Returns true if JSON's grammar has a number of this text.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

macro_rules! from_integer {
    ($($integer:ty)*) => {
        $(impl From<$integer> for Number {
            fn from(integer: $integer) -> Number {
                Number(compact_str::ToCompactString::to_compact_string(&integer))
            }
        })*
    };
}

from_integer!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
