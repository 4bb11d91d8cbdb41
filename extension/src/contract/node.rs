//! A document as the validator reads it: JSONB as it lies in memory, in steps that can be cancelled.
//!
//! `jsonschema` reads Postgres' binary form by itself. Around its nodes stands a check at every container: whether the
//! statement was cancelled, the call uses too much memory, or the stack gets short. A schema that refers to itself goes as deep
//! as the document does, through all its references at each level: 200 bytes of stack for each of these (measured).

#![allow(unsafe_code)]

use std::borrow::Cow;

use jsonschema::json::{Array, Json, Jsonb, JsonbNode, Node, NodeIdentity, Object};
use jsonschema::types::JsonType;
use pgrx::pg_sys;
use serde_json::Value;

use crate::jsonb::{Container, check_for_interrupts};

type Inner<'a> = JsonbNode<'a>;
type InnerObject<'a> = <Inner<'a> as Node<'a, Jsonb>>::Object;
type InnerArray<'a> = <Inner<'a> as Node<'a, Jsonb>>::Array;

/// The form of documents for the validator.
pub struct Document;

/// A value of a document.
#[derive(Clone, Copy)]
pub struct DocumentNode<'a>(Inner<'a>);

/// An object of a document.
pub struct DocumentObject<'a>(InnerObject<'a>);

/// An array of a document.
pub struct DocumentArray<'a>(InnerArray<'a>);

impl<'a> DocumentNode<'a> {
    /// Returns the node of an object or array.
    pub fn of(container: Container<'a>) -> Self {
        DocumentNode(Jsonb::root(container.bytes()))
    }
}

/// Raises an error if the statement is to end, or the stack gets short.
fn check() {
    check_for_interrupts();
    // SAFETY: compares the address of a local variable with where the stack began.
    unsafe { pg_sys::check_stack_depth() };
}

impl Json for Document {
    type Node<'a> = DocumentNode<'a>;
    type PreparedKey = <Jsonb as Json>::PreparedKey;
    type StringBuffer = <Jsonb as Json>::StringBuffer;

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Self::PreparedKey {
        Jsonb::prepare_key(key)
    }

    fn with_string_node<T>(
        buffer: &mut Self::StringBuffer,
        string: &str,
        visit: impl FnOnce(DocumentNode<'_>) -> T,
    ) -> T {
        Jsonb::with_string_node(buffer, string, |node| visit(DocumentNode(node)))
    }
}

impl<'a> Node<'a, Document> for DocumentNode<'a> {
    type Object = DocumentObject<'a>;
    type Array = DocumentArray<'a>;
    type Number = <Inner<'a> as Node<'a, Jsonb>>::Number;

    fn as_object(&self) -> Option<Self::Object> {
        check();
        self.0.as_object().map(DocumentObject)
    }

    fn as_array(&self) -> Option<Self::Array> {
        check();
        self.0.as_array().map(DocumentArray)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        self.0.as_string()
    }

    fn as_number(&self) -> Option<Self::Number> {
        self.0.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        self.0.as_boolean()
    }

    fn is_null(&self) -> bool {
        self.0.is_null()
    }

    fn is_number(&self) -> bool {
        self.0.is_number()
    }

    fn is_string(&self) -> bool {
        self.0.is_string()
    }

    fn json_type(&self) -> JsonType {
        self.0.json_type()
    }

    fn string_length(&self) -> Option<u64> {
        self.0.string_length()
    }

    fn equals_value(&self, expected: &Value) -> bool {
        check();
        self.0.equals_value(expected)
    }

    /// For the errors, which would each copy the value that they are about. No message of ours has values.
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(Value::Null)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        self.0.identity()
    }
}

impl<'a> Object<'a, Document> for DocumentObject<'a> {
    type Node = DocumentNode<'a>;
    type MemberName = Cow<'a, str>;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &<Document as Json>::PreparedKey) -> Option<DocumentNode<'a>> {
        self.0.get(key).map(DocumentNode)
    }

    fn members(&self) -> Members<'a> {
        Members(self.0.members())
    }
}

impl<'a> Array<'a, Document> for DocumentArray<'a> {
    type Node = DocumentNode<'a>;
    type ElementsIter = Elements<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> Elements<'a> {
        Elements(self.0.elements())
    }

    fn is_unique(&self) -> bool {
        self.0.is_unique()
    }
}

/// The members of an object.
pub struct Members<'a>(<InnerObject<'a> as Object<'a, Jsonb>>::MembersIter);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, DocumentNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        check_for_interrupts();
        self.0.next().map(|(name, node)| (name, DocumentNode(node)))
    }
}

/// The elements of an array.
pub struct Elements<'a>(<InnerArray<'a> as Array<'a, Jsonb>>::ElementsIter);

impl<'a> Iterator for Elements<'a> {
    type Item = DocumentNode<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        check_for_interrupts();
        self.0.next().map(DocumentNode)
    }
}
