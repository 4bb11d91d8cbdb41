//! A document while operations are applied to it.
//!
//! A node begins as a view of the bytes. Only when an operation goes into a container is it opened: it becomes a
//! [`Rope`], of which the entries that nobody touches stay views of the bytes. What nobody opened is never decoded.

use std::borrow::Cow;
use std::rc::Rc;

use runmeta_core::{BadValue, Kind, MAXIMUM_DEPTH, Tree};

use super::rope::{Entry, Rope};
use super::view::compare_names;
use super::{Container, View, check_for_interrupts, measure, numeric};
use crate::memory;

/// A JSON value that can be changed.
#[derive(Clone, Debug)]
pub enum Node<'a> {
    /// As it lies in a JSONB value.
    View(View<'a>),
    /// A sum, as the bytes of a `numeric`.
    Sum(Rc<[u8]>),
    /// An opened array.
    Array(Rope<'a, Node<'a>>),
    /// An opened object, in the order of [`compare_names`].
    Object(Rope<'a, Member<'a>>),
}

/// A member of an opened object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: Cow<'a, [u8]>,
    /// Its value.
    pub value: Node<'a>,
}

impl<'a> Entry<'a> for Node<'a> {
    fn read(array: Container<'a>, position: usize) -> Self {
        Node::View(array.element(position).unwrap_or(View::Null))
    }
}

impl<'a> Entry<'a> for Member<'a> {
    fn read(object: Container<'a>, position: usize) -> Self {
        Member {
            name: object.name(position).into(),
            value: Node::View(object.value(position)),
        }
    }
}

impl<'a> Node<'a> {
    /// Makes an object of members in the order of [`compare_names`].
    pub fn of_members<const N: usize>(members: [Option<(&'a str, Node<'a>)>; N]) -> Self {
        let mut rope = Rope::new();
        for (name, value) in members.into_iter().flatten() {
            rope.push(Member {
                name: name.as_bytes().into(),
                value,
            });
        }
        Node::Object(rope)
    }

    /// Makes a text.
    pub fn text(text: &'a str) -> Self {
        Node::View(View::String(text.as_bytes()))
    }

    /// Returns true if both are the same JSON value. What was opened is compared, the rest only if it
    /// lies elsewhere.
    pub fn is_same(&self, other: &Self) -> bool {
        same(self, other, MAXIMUM_DEPTH + 1)
    }

    fn elements_mut(&mut self) -> Option<&mut Rope<'a, Node<'a>>> {
        if let Node::View(View::Array(array)) = self {
            *self = Node::Array(Rope::open(*array));
        }
        match self {
            Node::Array(elements) => Some(elements),
            _ => None,
        }
    }

    fn open_object(&mut self) {
        if let Node::View(View::Object(object)) = self {
            *self = Node::Object(Rope::open(*object));
        }
    }

    fn members_mut(&mut self) -> Option<&mut Rope<'a, Member<'a>>> {
        self.open_object();
        match self {
            Node::Object(members) => Some(members),
            _ => None,
        }
    }

    fn number(&self) -> Option<&[u8]> {
        match self {
            Node::View(View::Number(number)) => Some(number),
            Node::Sum(number) => Some(number),
            _ => None,
        }
    }

    /// Returns an array as one that is open, which costs next to nothing.
    fn elements(&self) -> Option<Cow<'_, Rope<'a, Node<'a>>>> {
        match self {
            Node::View(View::Array(array)) => Some(Cow::Owned(Rope::open(*array))),
            Node::Array(elements) => Some(Cow::Borrowed(elements)),
            _ => None,
        }
    }

    /// Returns an object as one that is open, which costs next to nothing.
    fn members(&self) -> Option<Cow<'_, Rope<'a, Member<'a>>>> {
        match self {
            Node::View(View::Object(object)) => Some(Cow::Owned(Rope::open(*object))),
            Node::Object(members) => Some(Cow::Borrowed(members)),
            _ => None,
        }
    }
}

fn search(members: &Rope<'_, Member<'_>>, name: &str) -> Result<usize, usize> {
    let name = name.as_bytes();
    members.search(
        |member| compare_names(&member.name, name),
        |object, position| compare_names(object.name(position), name),
    )
}

/// Returns true if both are deep-equal. Below `levels` levels only the same bytes are.
fn same<'a>(left: &Node<'a>, right: &Node<'a>, levels: usize) -> bool {
    if let (
        Node::View(View::Array(left) | View::Object(left)),
        Node::View(View::Array(right) | View::Object(right)),
    ) = (left, right)
    {
        // The usual case by far: a part of the document that nobody touched is where it was.
        if std::ptr::eq(left.bytes(), right.bytes()) || left.bytes() == right.bytes() {
            return true;
        }
    }
    if levels == 0 || left.kind() != right.kind() {
        return false;
    }
    match (left, right) {
        (Node::View(View::Null), Node::View(View::Null)) => true,
        (Node::View(View::Boolean(left)), Node::View(View::Boolean(right))) => left == right,
        (Node::View(View::String(left)), Node::View(View::String(right))) => left == right,
        _ => {
            if let (Some(left), Some(right)) = (left.number(), right.number()) {
                numeric::same(left, right)
            } else if let (Some(left), Some(right)) = (left.elements(), right.elements()) {
                left.is_same(&right, |left, right| same(left, right, levels - 1))
            } else if let (Some(left), Some(right)) = (left.members(), right.members()) {
                left.is_same(&right, |left, right| {
                    left.name == right.name && same(&left.value, &right.value, levels - 1)
                })
            } else {
                false
            }
        }
    }
}

impl Tree for Node<'_> {
    fn null() -> Self {
        Node::View(View::Null)
    }

    fn one() -> Self {
        Node::Sum(super::from_index(1).into())
    }

    fn object() -> Self {
        Node::Object(Rope::new())
    }

    fn array(elements: Vec<Self>) -> Self {
        let mut rope = Rope::new();
        elements.into_iter().for_each(|element| rope.push(element));
        Node::Array(rope)
    }

    fn kind(&self) -> Kind {
        match self {
            Node::View(View::Null) => Kind::Null,
            Node::View(View::Boolean(_)) => Kind::Boolean,
            Node::View(View::Number(_)) | Node::Sum(_) => Kind::Number,
            Node::View(View::String(_)) => Kind::String,
            Node::View(View::Array(_)) | Node::Array(_) => Kind::Array,
            Node::View(View::Object(_)) | Node::Object(_) => Kind::Object,
        }
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Node::View(view) => view.as_str(),
            _ => None,
        }
    }

    fn as_u64(&self) -> Option<u64> {
        numeric::as_u64(self.number()?)
    }

    fn each_member(&self, visit: &mut dyn FnMut(&str, &Self)) {
        match self {
            Node::View(View::Object(object)) => {
                for (name, value) in object.members() {
                    check_for_interrupts();
                    visit(&String::from_utf8_lossy(name), &Node::View(value));
                }
            }
            Node::Object(members) => {
                for member in members.entries() {
                    check_for_interrupts();
                    visit(&String::from_utf8_lossy(&member.name), &member.value);
                }
            }
            _ => {}
        }
    }

    fn each_element(&self, visit: &mut dyn FnMut(&Self)) {
        match self {
            Node::View(View::Array(array)) => {
                for element in array.elements() {
                    check_for_interrupts();
                    visit(&Node::View(element));
                }
            }
            Node::Array(elements) => {
                for element in elements.entries() {
                    check_for_interrupts();
                    visit(&element);
                }
            }
            _ => {}
        }
    }

    fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        let members = self.members_mut()?;
        let at = search(members, name).ok()?;
        Some(&mut members.get_mut(at)?.value)
    }

    fn member_or_null(&mut self, name: &str) -> (&mut Self, bool) {
        self.open_object();
        if !matches!(self, Node::Object(_)) {
            *self = Node::object();
        }
        let Node::Object(members) = self else {
            return (self, false);
        };
        let found = search(members, name);
        if let Err(at) = found {
            let mut bytes = Vec::new();
            memory::reserve(&mut bytes, name.len());
            bytes.extend_from_slice(name.as_bytes());
            let (name, value) = (Cow::Owned(bytes), Node::null());
            members.insert(at, Member { name, value });
        }
        match members.get_mut(found.unwrap_or_else(|at| at)) {
            Some(member) => (&mut member.value, found.is_ok()),
            None => unreachable!("the member was found or made"),
        }
    }

    fn remove_member(&mut self, name: &str) {
        if let Some(members) = self.members_mut()
            && let Ok(at) = search(members, name)
        {
            members.remove(at);
        }
    }

    fn length(&self) -> usize {
        match self {
            Node::View(View::Array(array)) => array.count(),
            Node::Array(elements) => elements.length(),
            _ => 0,
        }
    }

    fn element_mut(&mut self, position: usize) -> Option<&mut Self> {
        self.elements_mut()?.get_mut(position)
    }

    fn push(&mut self, element: Self) {
        if let Some(elements) = self.elements_mut() {
            elements.push(element);
        }
    }

    fn remove_element(&mut self, position: usize) {
        if let Some(elements) = self
            .elements_mut()
            .filter(|elements| position < elements.length())
        {
            elements.remove(position);
        }
    }

    fn remove_equal(&mut self, value: &Self) {
        if let Some(elements) = self.elements_mut() {
            elements.retain(|element| !same(element, value, MAXIMUM_DEPTH + 1));
        }
    }

    fn keep_last(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if self.length() > count
            && let Some(elements) = self.elements_mut()
        {
            elements.keep_last(count);
        }
    }

    fn sum(&self, other: &Self) -> Option<Self> {
        Some(Node::Sum(
            numeric::sum(self.number()?, other.number()?)?.into(),
        ))
    }

    fn check(&self, level: usize) -> Result<(), BadValue> {
        match self {
            Node::View(view) if !measure::fits_depth(*view, level) => Err(BadValue::TooDeep),
            // Opened containers are part of a document, and each level of it was checked by its path.
            Node::Array(_) | Node::Object(_) if level >= MAXIMUM_DEPTH => Err(BadValue::TooDeep),
            Node::Array(elements) => elements
                .entries()
                .try_for_each(|element| element.check(level + 1)),
            Node::Object(members) => members
                .entries()
                .try_for_each(|member| member.value.check(level + 1)),
            _ => Ok(()),
        }
    }

    fn interrupt_point() {
        check_for_interrupts();
    }
}
