//! What an increment may be by.

use serde_json::{Number, Value};

use crate::decimal::Decimal;

/// A number that `increment` and `decrement` take: every integer and float of Rust, and [`serde_json::Number`], whose
/// text is kept exactly. Floats count as the shortest decimal that reads back as the same float: `0.1` is 0.1.
///
/// This trait is sealed.
pub trait Amount: sealed::Sealed {}

impl<T: sealed::Sealed> Amount for T {}

/// A number to add.
#[derive(Clone, Debug, PartialEq)]
pub enum Addend {
    Short(Decimal),
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
    pub(crate) fn value(self) -> Value {
        match self {
            Addend::Short(number) => number.value(),
            Addend::Long(number) => Value::Number(number),
            Addend::NotFinite => Value::Null,
        }
    }

    fn long(text: &str) -> Addend {
        text.parse().map_or(Addend::NotFinite, Addend::Long)
    }
}

mod sealed {
    use super::{Addend, Decimal, Number};

    pub trait Sealed {
        fn addend(self) -> Addend;
    }

    macro_rules! whole {
        ($($type:ty)*) => {$(
            impl Sealed for $type {
                #[inline]
                fn addend(self) -> Addend {
                    Addend::Short(Decimal::whole(self as i128))
                }
            }
        )*};
    }
    whole!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize);

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

    impl Sealed for Number {
        fn addend(self) -> Addend {
            match Decimal::parse(self.as_str()) {
                Some(number) => Addend::Short(number),
                None => Addend::Long(self),
            }
        }
    }

    impl Sealed for &Number {
        fn addend(self) -> Addend {
            match Decimal::parse(self.as_str()) {
                Some(number) => Addend::Short(number),
                None => Addend::Long(self.clone()),
            }
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
        assert_eq!(text(1e300f64.addend()), "long 1e+300");
        assert_eq!(text(f64::NAN.addend()), "not finite");
        assert_eq!(
            text(i128::MIN.addend().negated()),
            "long 170141183460469231731687303715884105728"
        );
        assert_eq!(
            text("1e400".parse::<Number>().unwrap().addend().negated()),
            "long -1e+400"
        );
        assert_eq!(text(u128::MAX.addend()), format!("long {}", u128::MAX));
    }
}
