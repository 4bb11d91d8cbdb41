//! Decimal numbers of up to 38 digits, added up without allocating.
//!
//! Nearly every increment is by a small number, a million times over. Those are summed here; what does not fit goes the
//! long way, through `runmeta-core`'s numbers of any length. By hand for speed: a sum takes 13 ns here and 500 ns there.

use std::fmt;
use std::io::Write;

use runmeta_core::{Json, Number};

/// `digits` divided by 10 to the power of `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    /// Returns a whole number.
    pub(crate) fn whole(digits: i128) -> Decimal {
        Decimal { digits, scale: 0 }
    }

    /// Returns the number with the fewest digits that reads back as the same float, or `None` if it is not finite or too
    /// long.
    pub(crate) fn shortest(number: impl fmt::LowerExp) -> Option<Decimal> {
        // The longest is `-1.2345678901234567e-308`, 24 bytes.
        let mut text = [0; 32];
        let mut rest = &mut text[..];
        write!(rest, "{number:e}").ok()?;
        let length = 32 - rest.len();
        Decimal::parse(std::str::from_utf8(&text[..length]).ok()?)
    }

    /// Reads a number as JSON writes it, or `None` if it is too long.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let (mut digits, mut scale, mut behind) = (0i128, 0i32, false);
        for byte in mantissa.trim_start_matches('-').bytes() {
            match byte {
                b'.' if !behind => behind = true,
                b'0'..=b'9' => {
                    digits = digits
                        .checked_mul(10)?
                        .checked_add(i128::from(byte - b'0'))?;
                    scale += i32::from(behind);
                }
                _ => return None,
            }
        }
        let digits = if negative { -digits } else { digits };
        let scale = scale.checked_sub(exponent)?;
        let number = match u32::try_from(scale) {
            Ok(scale) => Decimal { digits, scale },
            Err(_) => Decimal::whole(digits.checked_mul(power(scale.unsigned_abs())?)?),
        };
        (number.scale <= MAXIMUM_SCALE).then_some(number)
    }

    /// Returns the exact sum, or `None` if it is too long.
    pub(crate) fn plus(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let digits = |number: Decimal| number.digits.checked_mul(power(scale - number.scale)?);
        Some(Decimal {
            digits: digits(self)?.checked_add(digits(other)?)?,
            scale,
        })
    }

    /// Returns it as JSON.
    pub(crate) fn value(self) -> Json {
        // Whatever is displayed here is a number in JSON.
        Number::parse(&self.to_string()).map_or(Json::Null, Json::Number)
    }

    /// Returns the number if it is whole, as 2.0 and 2e3 are.
    pub(crate) fn as_whole(self) -> Option<i128> {
        let unit = power(self.scale)?;
        (self.digits % unit == 0).then_some(self.digits / unit)
    }

    /// Returns the number with the other sign, or `None` if it is too long.
    pub(crate) fn negated(self) -> Option<Decimal> {
        Some(Decimal {
            digits: self.digits.checked_neg()?,
            scale: self.scale,
        })
    }
}

/// What still leaves room for digits before the point.
const MAXIMUM_SCALE: u32 = 30;

fn power(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let unit = 10u128.pow(self.scale);
        let width = self.scale as usize;
        write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: Option<Decimal>) -> String {
        number.map_or("none".to_owned(), |number| number.to_string())
    }

    #[test]
    fn json_numbers_are_read_and_written() {
        for (written, read) in [
            ("0", "0"),
            ("-12", "-12"),
            ("0.5", "0.5"),
            ("-0.05", "-0.05"),
            ("1e3", "1000"),
            ("1.50", "1.50"),
            ("1.5E+2", "150"),
            ("25e-3", "0.025"),
            ("1e39", "none"),
            ("1e-31", "none"),
            ("", "0"),
            ("1x", "none"),
        ] {
            assert_eq!(text(Decimal::parse(written)), read, "{written}");
        }
    }

    #[test]
    fn floats_have_their_shortest_digits() {
        assert_eq!(text(Decimal::shortest(0.1f64)), "0.1");
        assert_eq!(text(Decimal::shortest(0.1f32)), "0.1");
        assert_eq!(text(Decimal::shortest(-1234.5f64)), "-1234.5");
        assert_eq!(text(Decimal::shortest(3.0f64)), "3");
        assert_eq!(text(Decimal::shortest(f64::MIN_POSITIVE)), "none");
        assert_eq!(text(Decimal::shortest(f64::NAN)), "none");
        assert_eq!(text(Decimal::shortest(f64::INFINITY)), "none");
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let sum = |left: &str, right: &str| {
            text(
                Decimal::parse(left)
                    .unwrap()
                    .plus(Decimal::parse(right).unwrap()),
            )
        };
        assert_eq!(sum("0.1", "0.2"), "0.3");
        assert_eq!(sum("1", "-1.00"), "0.00");
        assert_eq!(sum("-0.5", "0.25"), "-0.25");
        assert_eq!(sum("1e37", "1e-10"), "none");
        assert_eq!(sum("1.7e38", "1.7e38"), "none");
    }
}
