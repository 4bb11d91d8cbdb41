//! Operations on such documents.

use super::{Elements, Json, Members, Number, weight::weight};
use crate::{BadValue, Kind, MAXIMUM_DEPTH, Tree, number as decimal};

impl Tree for Json {
    fn null() -> Self {
        Json::Null
    }

    fn one() -> Self {
        Json::from(1)
    }

    fn object() -> Self {
        Json::Object(Members::new())
    }

    fn array(elements: Vec<Self>) -> Self {
        Json::Array(Elements::from(elements))
    }

    fn kind(&self) -> Kind {
        match self {
            Json::Null => Kind::Null,
            Json::Bool(_) => Kind::Boolean,
            Json::Number(_) => Kind::Number,
            Json::String(_) => Kind::String,
            Json::Array(_) => Kind::Array,
            Json::Object(_) => Kind::Object,
        }
    }

    fn as_str(&self) -> Option<&str> {
        Json::as_str(self)
    }

    fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    fn each_member(&self, visit: &mut dyn FnMut(&str, &Self)) {
        if let Json::Object(members) = self {
            members.iter().for_each(|(name, value)| visit(name, value));
        }
    }

    fn each_element(&self, visit: &mut dyn FnMut(&Self)) {
        if let Json::Array(elements) = self {
            elements.iter().for_each(visit);
        }
    }

    fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.as_object_mut()?.get_mut(name)
    }

    fn member_or_null(&mut self, name: &str) -> (&mut Self, bool) {
        match self {
            Json::Object(members) => members.get_or_null(name),
            // It is called on objects only.
            other => (other, false),
        }
    }

    fn remove_member(&mut self, name: &str) {
        if let Json::Object(members) = self {
            members.remove(name);
        }
    }

    fn length(&self) -> usize {
        self.as_array().map_or(0, |elements| elements.len())
    }

    fn element_mut(&mut self, position: usize) -> Option<&mut Self> {
        self.as_array_mut()?.get_mut(position)
    }

    fn push(&mut self, element: Self) {
        if let Json::Array(elements) = self {
            elements.push(element);
        }
    }

    fn remove_element(&mut self, position: usize) {
        if let Json::Array(elements) = self {
            elements.remove(position);
        }
    }

    fn remove_equal(&mut self, value: &Self) {
        if let Json::Array(elements) = self {
            elements.retain(|element| !element.same_value(value));
        }
    }

    fn keep_last(&mut self, count: u64) {
        if let Json::Array(elements) = self {
            elements.keep_last(usize::try_from(count).unwrap_or(usize::MAX));
        }
    }

    fn sum(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Json::Number(left), Json::Number(right)) => {
                let sum = decimal::sum(left.as_str(), right.as_str())?;
                Some(Json::Number(Number::unchecked(&sum)))
            }
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        weight(self)
    }

    fn check(&self, level: usize) -> Result<(), BadValue> {
        let text = |text: &str| match text.contains('\0') {
            true => Err(BadValue::NulCharacter),
            false => Ok(()),
        };
        match self {
            Json::Null | Json::Bool(_) => Ok(()),
            Json::Number(number) if decimal::fits(number.as_str()) => Ok(()),
            Json::Number(_) => Err(BadValue::NumberOutOfRange),
            Json::String(string) => text(string),
            Json::Array(_) | Json::Object(_) if level >= MAXIMUM_DEPTH => Err(BadValue::TooDeep),
            Json::Array(elements) => elements.iter().try_for_each(|value| value.check(level + 1)),
            Json::Object(members) => members.iter().try_for_each(|(name, value)| {
                text(name)?;
                value.check(level + 1)
            }),
        }
    }
}
