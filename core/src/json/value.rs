//! The door to [`serde_json::Value`].

use serde_json::Value;

use super::{Json, Members, Number};

impl From<&Value> for Json {
    /// Numbers become the text that `serde_json` has for them.
    fn from(value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(Number::unchecked(&number.to_string())),
            Value::String(text) => Json::from(text.as_str()),
            Value::Array(elements) => elements.iter().map(Json::from).collect(),
            Value::Object(members) => {
                let members = members.iter();
                let members = members.map(|(name, value)| (name.as_str(), Json::from(value)));
                Json::Object(Members::from_iter(members))
            }
        }
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Json {
        Json::from(&value)
    }
}

impl TryFrom<&Json> for Value {
    type Error = serde_json::Error;

    /// Numbers become what `serde_json` reads of their text: 64-bit integers and floats unless some crate of the program
    /// switches on `arbitrary_precision`.
    ///
    /// # Errors
    ///
    /// A number is beyond the largest float.
    fn try_from(value: &Json) -> Result<Value, serde_json::Error> {
        Ok(match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(number.as_str().parse()?),
            Json::String(text) => Value::String(text.to_string()),
            Json::Array(elements) => elements
                .iter()
                .map(Value::try_from)
                .collect::<Result<_, _>>()?,
            Json::Object(members) => members
                .iter()
                .map(|(name, value)| Ok((name.to_owned(), Value::try_from(value)?)))
                .collect::<Result<_, serde_json::Error>>()?,
        })
    }
}
