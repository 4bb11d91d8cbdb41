//! Documents in the form of [`serde_json::Value`], as clients hold them.

use serde_json::{Map, Number, Value};

use crate::{BadValue, Key, Kind, MAXIMUM_DEPTH, Tree, number, weight::value_weight};

/// Returns the value at a key, or `None` if there is none.
pub fn lookup<'a>(document: &'a Value, key: &Key) -> Option<&'a Value> {
    key.steps().try_fold(document, |place, step| match place {
        Value::Object(members) => members.get(step.name),
        Value::Array(elements) => elements.get(step.position(elements.len()).ok()?),
        _ => None,
    })
}

/// Returns true if two values are deep-equal: objects without regard to the order of keys, numbers by
/// value. Both nest at most [`MAXIMUM_DEPTH`] levels; deeper parts count as different.
pub fn same_value(left: &Value, right: &Value) -> bool {
    same_within(left, right, MAXIMUM_DEPTH + 1)
}

fn same_within(left: &Value, right: &Value, levels: usize) -> bool {
    if levels == 0 {
        return false;
    }
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => number::same(left.as_str(), right.as_str()),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same_within(left, right, levels - 1))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| {
                    right
                        .get(name)
                        .is_some_and(|right| same_within(left, right, levels - 1))
                })
        }
        _ => left == right,
    }
}

fn members_mut(value: &mut Value) -> Option<&mut Map<String, Value>> {
    value.as_object_mut()
}

impl Tree for Value {
    fn null() -> Self {
        Value::Null
    }

    fn one() -> Self {
        Value::from(1)
    }

    fn object() -> Self {
        Value::Object(Map::new())
    }

    fn array(elements: Vec<Self>) -> Self {
        Value::Array(elements)
    }

    fn kind(&self) -> Kind {
        match self {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        }
    }

    fn as_str(&self) -> Option<&str> {
        Value::as_str(self)
    }

    fn as_u64(&self) -> Option<u64> {
        number::as_u64(self.as_number()?.as_str())
    }

    fn each_member(&self, visit: &mut dyn FnMut(&str, &Self)) {
        for (name, value) in self.as_object().into_iter().flatten() {
            visit(name, value);
        }
    }

    fn each_element(&self, visit: &mut dyn FnMut(&Self)) {
        self.as_array().into_iter().flatten().for_each(visit);
    }

    fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        members_mut(self)?.get_mut(name)
    }

    fn member_or_null(&mut self, name: &str) -> (&mut Self, bool) {
        if !self.is_object() {
            *self = Value::object();
        }
        let existed = self.get(name).is_some();
        (&mut self[name], existed)
    }

    fn remove_member(&mut self, name: &str) {
        if let Some(members) = members_mut(self) {
            members.remove(name);
        }
    }

    fn length(&self) -> usize {
        self.as_array().map_or(0, Vec::len)
    }

    fn element_mut(&mut self, position: usize) -> Option<&mut Self> {
        self.as_array_mut()?.get_mut(position)
    }

    fn push(&mut self, element: Self) {
        if let Some(elements) = self.as_array_mut() {
            elements.push(element);
        }
    }

    fn remove_element(&mut self, position: usize) {
        if let Some(elements) = self
            .as_array_mut()
            .filter(|elements| position < elements.len())
        {
            elements.remove(position);
        }
    }

    fn remove_equal(&mut self, value: &Self) {
        if let Some(elements) = self.as_array_mut() {
            elements.retain(|element| !same_value(element, value));
        }
    }

    fn keep_last(&mut self, count: u64) {
        if let Some(elements) = self.as_array_mut() {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            elements.drain(..elements.len().saturating_sub(count));
        }
    }

    fn sum(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Value::Number(left), Value::Number(right)) => {
                let sum = number::sum(left.as_str(), right.as_str())?;
                Some(Value::Number(Number::from_string_unchecked(sum)))
            }
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        value_weight(self)
    }

    fn check(&self, level: usize) -> Result<(), BadValue> {
        let text = |text: &str| match text.contains('\0') {
            true => Err(BadValue::NulCharacter),
            false => Ok(()),
        };
        match self {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::Number(number) if number::fits(number.as_str()) => Ok(()),
            Value::Number(_) => Err(BadValue::NumberOutOfRange),
            Value::String(string) => text(string),
            Value::Array(_) | Value::Object(_) if level >= MAXIMUM_DEPTH => Err(BadValue::TooDeep),
            Value::Array(elements) => elements.iter().try_for_each(|value| value.check(level + 1)),
            Value::Object(members) => members.iter().try_for_each(|(name, value)| {
                text(name)?;
                value.check(level + 1)
            }),
        }
    }
}
