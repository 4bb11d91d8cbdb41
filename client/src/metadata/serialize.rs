//! Making JSON of what a caller gives, no deeper than a document may nest.
//!
//! Serialising recurses as deep as the value goes, and a stack that overflows ends the process: 20,000 arrays in each other
//! are enough. So `serde_json`'s serializer is wrapped, and so is each value that is handed to it from inside another: one
//! that lies too deep is an error instead, and what was made so far is shallow enough to be dropped.

use std::cell::Cell;
use std::fmt::Display;

use runmeta_core::{BadValue, MAXIMUM_DEPTH};
use serde::ser::{self, Error as _, Serialize, Serializer};
use serde_json::Value;

/// How many values may lie in each other. Newtypes and options count, too, although no level of a document comes of them:
/// they are no less a recursion. So this allows four values a level, and `Operation::check` counts the levels exactly.
/// Unoptimised, it comes to less than 800 kB of stack; threads of Rust have 2 MiB.
const MAXIMUM_NESTING: usize = 4 * MAXIMUM_DEPTH;

/// Why there is no JSON of a value.
#[derive(Debug)]
pub(crate) enum Unfit {
    TooDeep,
    /// The value's own `Serialize` failed, or it has no form in JSON.
    NotSerializable(serde_json::Error),
}

/// Returns the JSON of a value, as [`serde_json::to_value`] does.
pub(crate) fn to_value(value: &(impl Serialize + ?Sized)) -> Result<Value, Unfit> {
    let exceeded = Cell::new(false);
    let depth = Depth {
        left: MAXIMUM_NESTING,
        exceeded: &exceeded,
    };
    let inner = serde_json::value::Serializer;
    value
        .serialize(Bounded { inner, depth })
        .map_err(|error| match exceeded.get() {
            true => Unfit::TooDeep,
            false => Unfit::NotSerializable(error),
        })
}

#[derive(Clone, Copy)]
struct Depth<'a> {
    /// How many more values may lie in this one.
    left: usize,
    /// Set when that was too few: the error itself is of a type that only has a text.
    exceeded: &'a Cell<bool>,
}

impl<'a> Depth<'a> {
    fn inside<T: ?Sized>(self, value: &'a T) -> Inner<'a, T> {
        Inner { value, depth: self }
    }
}

/// A value that lies in another.
struct Inner<'a, T: ?Sized> {
    value: &'a T,
    depth: Depth<'a>,
}

impl<T: Serialize + ?Sized> Serialize for Inner<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let Some(left) = self.depth.left.checked_sub(1) else {
            self.depth.exceeded.set(true);
            return Err(S::Error::custom(BadValue::TooDeep));
        };
        let depth = Depth { left, ..self.depth };
        self.value.serialize(Bounded { inner, depth })
    }
}

/// A serializer, or what it gives for the parts of a container, that hands on values as [`Inner`].
struct Bounded<'a, S> {
    inner: S,
    depth: Depth<'a>,
}

macro_rules! scalars {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $method(self, $($argument: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($argument),*)
        }
    )*};
}

macro_rules! containers {
    ($($method:ident($($argument:ident: $type:ty),*) -> $parts:ident;)*) => {$(
        fn $method(self, $($argument: $type),*) -> Result<Self::$parts, S::Error> {
            let inner = self.inner.$method($($argument),*)?;
            Ok(Bounded { inner, depth: self.depth })
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Bounded<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Bounded<'a, S::SerializeSeq>;
    type SerializeTuple = Bounded<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Bounded<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Bounded<'a, S::SerializeTupleVariant>;
    type SerializeMap = Bounded<'a, S::SerializeMap>;
    type SerializeStruct = Bounded<'a, S::SerializeStruct>;
    type SerializeStructVariant = Bounded<'a, S::SerializeStructVariant>;

    scalars! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    containers! {
        serialize_seq(length: Option<usize>) -> SerializeSeq;
        serialize_tuple(length: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeTupleVariant;
        serialize_map(length: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, length: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&self.depth.inside(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.depth.inside(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.depth.inside(value);
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! parts {
    ($($kind:ident: $($method:ident),*;)*) => {$(
        impl<S: ser::$kind> ser::$kind for Bounded<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            $(fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.inner.$method(&self.depth.inside(value))
            })*

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

parts! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
    SerializeMap: serialize_key, serialize_value;
}

macro_rules! named_parts {
    ($($kind:ident)*) => {$(
        impl<S: ser::$kind> ser::$kind for Bounded<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                self.inner.serialize_field(name, &self.depth.inside(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

named_parts!(SerializeStruct SerializeStructVariant);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    enum Kind {
        Unit,
        Newtype(u8),
        Tuple(u8, char),
        Struct { a: Option<u8> },
    }

    #[derive(Serialize)]
    struct Pair(i128, f32);

    #[derive(Serialize)]
    struct Newtype(&'static str);

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct All {
        kinds: Vec<Kind>,
        pair: Pair,
        newtype: Newtype,
        unit: Unit,
        by_number: BTreeMap<i8, (bool, ())>,
        long: Value,
        address: std::net::IpAddr,
        not_finite: f64,
    }

    #[test]
    fn every_kind_of_value_is_what_serde_json_makes_of_it() {
        let all = All {
            kinds: vec![
                Kind::Unit,
                Kind::Newtype(1),
                Kind::Tuple(2, 'x'),
                Kind::Struct { a: Some(3) },
                Kind::Struct { a: None },
            ],
            pair: Pair(i128::MIN, 0.5),
            newtype: Newtype("x"),
            unit: Unit,
            by_number: BTreeMap::from([(-1, (true, ()))]),
            long: serde_json::from_str(r#"{"n": 1.000000000000000000000000000001e400}"#).unwrap(),
            address: [127, 0, 0, 1].into(),
            not_finite: f64::NAN,
        };
        let expected = serde_json::to_value(&all).unwrap();
        assert_eq!(to_value(&all).unwrap(), expected);
        assert_eq!(to_value("text").unwrap(), json!("text"));
        let unfit = BTreeMap::from([(Some(vec![1]), 1)]);
        assert!(matches!(to_value(&unfit), Err(Unfit::NotSerializable(_))));
    }

    /// As many arrays or options in each other as it says, without taking any memory.
    struct Deep(usize, fn(&Deep) -> bool);

    impl Serialize for Deep {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = Deep(self.0.saturating_sub(1), self.1);
            match (self.0, (self.1)(self)) {
                (0, _) => serializer.serialize_f64(0.5),
                (_, true) => serializer.collect_seq([inner]),
                (_, false) => serializer.serialize_some(&inner),
            }
        }
    }

    #[test]
    fn what_lies_too_deep_is_refused_before_the_stack_overflows() {
        let depth =
            |value: &Value| std::iter::successors(Some(value), |value| value.get(0)).count() - 1;
        let arrays = |levels| to_value(&Deep(levels, |_| true));
        assert_eq!(depth(&arrays(MAXIMUM_DEPTH + 1).unwrap()), 101);
        assert!(matches!(arrays(1_000_000), Err(Unfit::TooDeep)));
        assert!(matches!(
            to_value(&Deep(1_000_000, |_| false)),
            Err(Unfit::TooDeep)
        ));
        // A hundred levels with two options in each.
        let sparse = to_value(&Deep(300, |deep| deep.0 % 3 == 0)).unwrap();
        assert_eq!(depth(&sparse), 100);
    }
}
