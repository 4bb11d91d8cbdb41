//! What core's `apply` needs of a document.

use std::borrow::Cow;

use runmeta_core::{BadValue, Json, Kind, Number, Tree};

use super::array::Array;
use super::node::Node;
use super::scan::Items;

impl Tree for Node<'_> {
    fn null() -> Self {
        Node::Text("null")
    }

    fn one() -> Self {
        Node::Text("1")
    }

    fn object() -> Self {
        Node::Text("{}")
    }

    fn array(elements: Vec<Self>) -> Self {
        Node::Array(Box::new(Array::of_elements(elements)))
    }

    fn kind(&self) -> Kind {
        match self {
            Node::Text(text) => match text.as_bytes().first() {
                Some(b'{') => Kind::Object,
                Some(b'[') => Kind::Array,
                Some(b'"') => Kind::String,
                Some(b't' | b'f') => Kind::Boolean,
                Some(b'n') | None => Kind::Null,
                Some(_) => Kind::Number,
            },
            Node::Json(value) => value.kind(),
            Node::Number(_) => Kind::Number,
            Node::Array(_) => Kind::Array,
            Node::Object(_) => Kind::Object,
        }
    }

    // Only the members of operations are asked for these two, and those were read in another form.
    fn as_str(&self) -> Option<&str> {
        None
    }

    fn as_u64(&self) -> Option<u64> {
        None
    }

    /// Finds nothing but in an operation's value: only a patch is walked over.
    fn each_member(&self, visit: &mut dyn FnMut(&str, &Self)) {
        if let Node::Json(Json::Object(members)) = self {
            members
                .iter()
                .for_each(|(name, value)| visit(name, &Node::Json(value)));
        }
    }

    /// As [`each_member`](Tree::each_member).
    fn each_element(&self, visit: &mut dyn FnMut(&Self)) {
        if let Node::Json(Json::Array(elements)) = self {
            elements.iter().for_each(|value| visit(&Node::Json(value)));
        }
    }

    fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.open_object()?.place(name).as_mut()
    }

    fn member_or_null(&mut self, name: &str) -> (&mut Self, bool) {
        self.open_object();
        match self {
            Node::Object(object) => {
                let place = object.place(name);
                let existed = place.is_some();
                (place.get_or_insert_with(Node::null), existed)
            }
            // Nobody asks this of anything but an object.
            other => (other, false),
        }
    }

    fn remove_member(&mut self, name: &str) {
        if let Some(object) = self.open_object() {
            *object.place(name) = None;
        }
    }

    fn length(&self) -> usize {
        match self {
            Node::Text(text) => Items::of(text).count(),
            Node::Json(value) => value.length(),
            Node::Array(array) => array.length(),
            Node::Number(_) | Node::Object(_) => 0,
        }
    }

    fn element_mut(&mut self, position: usize) -> Option<&mut Self> {
        self.open_array()?.elements().get_mut(position)
    }

    fn push(&mut self, element: Self) {
        if let Some(array) = self.open_array() {
            array.push(element);
        }
    }

    fn remove_element(&mut self, position: usize) {
        let elements = self.open_array().map(Array::elements);
        if let Some(elements) = elements.filter(|elements| position < elements.len()) {
            elements.remove(position);
        }
    }

    fn remove_equal(&mut self, value: &Self) {
        let (Some(array), Some(value)) = (self.open_array(), value.to_json()) else {
            return;
        };
        let kind = value.kind();
        array.elements().retain(|element| {
            let same = |element: Cow<'_, Json>| element.same_value(&value);
            element.kind() != kind || !element.to_json().is_some_and(same)
        });
    }

    fn keep_last(&mut self, count: u64) {
        if let Some(elements) = self.open_array().map(Array::elements) {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            elements.drain(..elements.len().saturating_sub(count));
        }
    }

    fn sum(&self, other: &Self) -> Option<Self> {
        let number = |node: &Self| match node {
            Node::Text(text) => Number::parse(text),
            Node::Json(value) => value.as_number().cloned(),
            Node::Number(number) => Some(number.clone()),
            Node::Array(_) | Node::Object(_) => None,
        };
        let sum = Json::Number(number(self)?).sum(&Json::Number(number(other)?))?;
        sum.as_number().cloned().map(Node::Number)
    }

    fn check(&self, level: usize) -> Result<(), BadValue> {
        self.to_json().ok_or(BadValue::TooDeep)?.check(level)
    }
}
