//! The answer to a change.

use std::borrow::Cow;

use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::schema::{Changed, Run};

/// The run, or less of it. `anyOf` and not `oneOf`, as utoipa derives for an enum: a run has all members of [`Changed`] too.
pub(super) struct ChangedRun;

impl PartialSchema for ChangedRun {
    fn schema() -> RefOr<Schema> {
        let any = AnyOfBuilder::new()
            .description(Some(
                "The run; or, for a caller that may change it and not read it, no more than the members of Changed.",
            ))
            .item(Ref::from_schema_name("Run"))
            .item(Ref::from_schema_name("Changed"));
        any.into()
    }
}

impl ToSchema for ChangedRun {
    fn name() -> Cow<'static, str> {
        "ChangedRun".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for (name, schema) in [
            (Run::name(), Run::schema()),
            (Changed::name(), Changed::schema()),
        ] {
            schemas.push((name.into_owned(), schema));
        }
        Run::schemas(schemas);
    }
}
