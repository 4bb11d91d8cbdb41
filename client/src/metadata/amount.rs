//! What an increment may be by.

use runmeta_core::{Json, Number};

use crate::buffer::decimal::Decimal;

/// A number that `increment` and `decrement` take: every integer and float of Rust, [`Number`] and [`serde_json::Number`].
/// Floats count as the shortest decimal that reads back as the same float: `0.1` is 0.1.
///
/// Every digit of a [`Number`] counts, so it takes the decimals of other crates by their text:
///
/// ```
/// # fn example(metadata: runmeta_client::Metadata) -> Option<()> {
/// use runmeta_client::Number;
///
/// metadata.increment("total", Number::parse("12345678901234567890.123456789")?);
/// # Some(())
/// # }
/// ```
///
/// A `serde_json::Number` is itself a float, unless it is an integer of 64 bits or your program enables `serde_json`'s feature
/// `arbitrary_precision`.
///
/// This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that an increment can be by",
    label = "expected an integer, a float, a `runmeta_client::Number` or a `serde_json::Number`",
    note = "dereference a reference: `*count`; convert a decimal of another crate by its text: `runmeta_client::Number::parse(&text)`"
)]
pub trait Amount: sealed::Sealed {}

/// A number to add.
#[derive(Clone, Debug, PartialEq)]
pub enum Addend {
    /// One that is added without allocating.
    Short(Decimal),
    /// One of more digits.
    Long(Number),
    /// Neither infinity nor NaN is a number that JSON has.
    NotFinite,
}

impl Addend {
    pub(crate) fn negated(self) -> Addend {
        match self {
            Addend::Short(number) => match number.negated() {
                Some(number) => Addend::Short(number),
                // Only the smallest i128 has no counterpart.
                None => Addend::long(number.to_string().trim_start_matches('-')),
            },
            Addend::Long(number) => match number.as_str().strip_prefix('-') {
                Some(positive) => Addend::long(positive),
                None => Addend::long(&format!("-{number}")),
            },
            Addend::NotFinite => Addend::NotFinite,
        }
    }

    /// Returns it as JSON: null, which is no number, if it is not finite.
    pub(crate) fn json(self) -> Json {
        match self {
            Addend::Short(number) => {
                Number::parse(&number.to_string()).map_or(Json::Null, Json::Number)
            }
            Addend::Long(number) => Json::Number(number),
            Addend::NotFinite => Json::Null,
        }
    }

    fn read(text: &str) -> Addend {
        Decimal::parse(text).map_or_else(|| Addend::long(text), Addend::Short)
    }

    fn long(text: &str) -> Addend {
        Number::parse(text).map_or(Addend::NotFinite, Addend::Long)
    }
}

mod sealed {
    use super::{Addend, Amount, Decimal, Number};

    pub trait Sealed {
        fn addend(self) -> Addend;
    }

    macro_rules! whole {
        ($($type:ty)*) => {$(
            impl Amount for $type {}

            impl Sealed for $type {
                #[inline]
                fn addend(self) -> Addend {
                    Addend::Short(Decimal::whole(self as i128))
                }
            }
        )*};
    }
    whole!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize);

    impl Amount for u128 {}

    impl Sealed for u128 {
        fn addend(self) -> Addend {
            match i128::try_from(self) {
                Ok(number) => number.addend(),
                Err(_) => Addend::long(&self.to_string()),
            }
        }
    }

    macro_rules! float {
        ($($type:ty)*) => {$(
            impl Amount for $type {}

            impl Sealed for $type {
                #[inline]
                fn addend(self) -> Addend {
                    match Decimal::shortest(self) {
                        Some(number) => Addend::Short(number),
                        None => Addend::long(&format!("{self:e}")),
                    }
                }
            }
        )*};
    }
    float!(f32 f64);

    macro_rules! number {
        ($($type:ty)*) => {$(
            impl Amount for $type {}

            impl Sealed for $type {
                fn addend(self) -> Addend {
                    // Its own text, exact in a program that has `arbitrary_precision` switched on.
                    Addend::read(&self.to_string())
                }
            }
        )*};
    }
    number!(serde_json::Number & serde_json::Number);

    impl Amount for Number {}

    impl Sealed for Number {
        fn addend(self) -> Addend {
            Decimal::parse(self.as_str()).map_or(Addend::Long(self), Addend::Short)
        }
    }

    impl Amount for &Number {}

    impl Sealed for &Number {
        fn addend(self) -> Addend {
            self.clone().addend()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sealed::Sealed;
    use super::*;

    fn text(addend: Addend) -> String {
        match addend {
            Addend::Short(number) => number.to_string(),
            Addend::Long(number) => format!("long {number}"),
            Addend::NotFinite => "not finite".to_owned(),
        }
    }

    #[test]
    fn numbers_of_every_kind_are_taken() {
        assert_eq!(text(1u8.addend()), "1");
        assert_eq!(text((-0.5f32).addend().negated()), "0.5");
        assert_eq!(text(1e300f64.addend()), "long 1e300");
        assert_eq!(text(f64::NAN.addend()), "not finite");
        assert_eq!(text(f32::NEG_INFINITY.addend()), "not finite");
        assert_eq!(
            text(i128::MIN.addend().negated()),
            "long 170141183460469231731687303715884105728"
        );
        assert_eq!(text(u128::MAX.addend()), format!("long {}", u128::MAX));
    }

    #[test]
    fn a_number_of_serde_json_is_taken_by_its_text() {
        let exact = Number::parse("12345678901234567890123456789.123456789012").unwrap();
        assert_eq!(
            text((&exact).addend()),
            "long 12345678901234567890123456789.123456789012"
        );
        assert_eq!(text(Number::parse("0.30").unwrap().addend()), "0.30");
        let number: serde_json::Number = serde_json::from_str("0.30").unwrap();
        assert_eq!(text((&number).addend()), number.to_string());
        let large: serde_json::Number = serde_json::from_str("1e300").unwrap();
        let negated = format!("long -{large}");
        assert_eq!(text(large.addend().negated()), negated);
    }

    #[test]
    fn an_amount_that_is_not_finite_is_null_in_json() {
        let json = |addend: Addend| addend.json().to_string();
        assert_eq!(json(0.5f64.addend()), "0.5");
        assert_eq!(json(1e300f64.addend()), "1e300");
        assert_eq!(json(f64::INFINITY.addend()), "null");
    }
}
