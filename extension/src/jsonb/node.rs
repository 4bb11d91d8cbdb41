//! A document while operations are applied to it.
//!
//! A node begins as a view of the bytes. Only when an operation goes into a container is it opened: its
//! direct children become nodes, views again. What nobody opened is never decoded.

use std::borrow::Cow;
use std::rc::Rc;

use runmeta_core::{BadValue, Kind, MAXIMUM_DEPTH, Tree};

use super::view::compare_names;
use super::{View, check_for_interrupts, measure, numeric};

/// A member of an opened object.
pub(super) type Member<'a> = (Cow<'a, [u8]>, Node<'a>);

/// A JSON value that can be changed.
#[derive(Clone, Debug)]
pub enum Node<'a> {
    /// As it lies in a JSONB value.
    View(View<'a>),
    /// A sum, as the bytes of a `numeric`.
    Sum(Rc<[u8]>),
    /// An opened array.
    Array(Vec<Node<'a>>),
    /// An opened object, in the order of [`compare_names`].
    Object(Vec<Member<'a>>),
}

impl<'a> Node<'a> {
    /// Returns true if both are the same JSON value. What was opened is compared, the rest only if it
    /// lies elsewhere.
    pub fn is_same(&self, other: &Node<'_>) -> bool {
        same(self, other, MAXIMUM_DEPTH + 1)
    }

    fn elements_mut(&mut self) -> Option<&mut Vec<Node<'a>>> {
        if let Node::View(View::Array(array)) = self {
            *self = Node::Array(array.elements().map(Node::View).collect());
        }
        match self {
            Node::Array(elements) => Some(elements),
            _ => None,
        }
    }

    fn open_object(&mut self) {
        if let Node::View(View::Object(object)) = self {
            let members = object.members();
            *self = Node::Object(
                members
                    .map(|(name, value)| (name.into(), Node::View(value)))
                    .collect(),
            );
        }
    }

    fn members_mut(&mut self) -> Option<&mut Vec<Member<'a>>> {
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
}

/// Stops a call whose sums would take more memory than a server should give to one.
#[cold]
fn too_many_digits() -> ! {
    pgrx::ereport!(
        ERROR,
        pgrx::PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        "too many digits in the sums of one call"
    );
}

fn search(members: &[Member<'_>], name: &str) -> Result<usize, usize> {
    members.binary_search_by(|(other, _)| compare_names(other, name.as_bytes()))
}

/// Returns true if both are deep-equal. Below `levels` levels only the same bytes are.
fn same(left: &Node<'_>, right: &Node<'_>, levels: usize) -> bool {
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
    match (left.kind(), left, right) {
        (Kind::Null, ..) => true,
        (Kind::Boolean, Node::View(View::Boolean(left)), Node::View(View::Boolean(right))) => {
            left == right
        }
        (Kind::String, Node::View(View::String(left)), Node::View(View::String(right))) => {
            left == right
        }
        (Kind::Number, left, right) => match (left.number(), right.number()) {
            (Some(left), Some(right)) => numeric::same(left, right),
            _ => false,
        },
        (Kind::Array, left, right) => {
            left.length() == right.length() && {
                let mut pairs = elements(left).zip(elements(right));
                pairs.all(|(left, right)| {
                    check_for_interrupts();
                    same(&left, &right, levels - 1)
                })
            }
        }
        (Kind::Object, left, right) => {
            count_members(left) == count_members(right) && {
                let mut pairs = members(left).zip(members(right));
                pairs.all(|((left_name, left), (right_name, right))| {
                    check_for_interrupts();
                    left_name == right_name && same(&left, &right, levels - 1)
                })
            }
        }
        _ => false,
    }
}

fn count_members(node: &Node<'_>) -> usize {
    match node {
        Node::View(View::Object(object)) => object.count(),
        Node::Object(members) => members.len(),
        _ => 0,
    }
}

type Children<'n, T> = Box<dyn Iterator<Item = T> + 'n>;

fn elements<'n>(node: &'n Node<'_>) -> Children<'n, Cow<'n, Node<'n>>> {
    match node {
        Node::View(View::Array(array)) => {
            Box::new(array.elements().map(|view| Cow::Owned(Node::View(view))))
        }
        Node::Array(elements) => Box::new(elements.iter().map(Cow::Borrowed)),
        _ => Box::new(std::iter::empty()),
    }
}

fn members<'n>(node: &'n Node<'_>) -> Children<'n, (&'n [u8], Cow<'n, Node<'n>>)> {
    match node {
        Node::View(View::Object(object)) => Box::new(
            object
                .members()
                .map(|(name, view)| (name, Cow::Owned(Node::View(view)))),
        ),
        Node::Object(members) => Box::new(
            members
                .iter()
                .map(|(name, node)| (name.as_ref(), Cow::Borrowed(node))),
        ),
        _ => Box::new(std::iter::empty()),
    }
}

impl Tree for Node<'_> {
    fn null() -> Self {
        Node::View(View::Null)
    }

    fn object() -> Self {
        Node::Object(Vec::new())
    }

    fn array(elements: Vec<Self>) -> Self {
        Node::Array(elements)
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

    fn member(&self, name: &str) -> Option<Self> {
        match self {
            Node::View(View::Object(object)) => object.member(name.as_bytes()).map(Node::View),
            Node::Object(members) => Some(members[search(members, name).ok()?].1.clone()),
            _ => None,
        }
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
                for (name, value) in members {
                    check_for_interrupts();
                    visit(&String::from_utf8_lossy(name), value);
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
            Node::Array(elements) => elements.iter().for_each(visit),
            _ => {}
        }
    }

    fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        let members = self.members_mut()?;
        let at = search(members, name).ok()?;
        Some(&mut members[at].1)
    }

    fn member_or_null(&mut self, name: &str) -> (&mut Self, bool) {
        self.open_object();
        if !matches!(self, Node::Object(_)) {
            *self = Node::object();
        }
        let Node::Object(members) = self else {
            return (self, false);
        };
        match search(members, name) {
            Ok(at) => (&mut members[at].1, true),
            Err(at) => {
                members.insert(at, (Cow::Owned(name.as_bytes().to_vec()), Node::null()));
                (&mut members[at].1, false)
            }
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
            Node::Array(elements) => elements.len(),
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
            .filter(|elements| position < elements.len())
        {
            elements.remove(position);
        }
    }

    fn remove_equal(&mut self, value: &Self) {
        if let Some(elements) = self.elements_mut() {
            elements.retain(|element| {
                check_for_interrupts();
                !same(element, value, MAXIMUM_DEPTH + 1)
            });
        }
    }

    fn keep_last(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if self.length() > count
            && let Some(elements) = self.elements_mut()
        {
            elements.drain(..elements.len() - count);
        }
    }

    fn sum(&self, other: &Self) -> Option<Self> {
        let sum = numeric::sum(self.number()?, other.number()?)?;
        if !crate::document::list::admit_sum(sum.len()) {
            too_many_digits();
        }
        Some(Node::Sum(sum.into()))
    }

    fn check(&self, level: usize) -> Result<(), BadValue> {
        match self {
            Node::View(view) if !measure::fits_depth(*view, level) => Err(BadValue::TooDeep),
            // Opened containers are part of a document, and each level of it was checked by its path.
            Node::Array(_) | Node::Object(_) if level >= MAXIMUM_DEPTH => Err(BadValue::TooDeep),
            Node::Array(elements) => elements
                .iter()
                .try_for_each(|element| element.check(level + 1)),
            Node::Object(members) => members
                .iter()
                .try_for_each(|(_, value)| value.check(level + 1)),
            _ => Ok(()),
        }
    }

    fn interrupt_point() {
        check_for_interrupts();
    }
}
