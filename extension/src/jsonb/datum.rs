//! JSONB values on their way from Postgres and back.

use std::borrow::Cow;

use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{pg_sys, varsize_any};

use super::view::{ARRAY, OBJECT};
use super::{Node, View, numeric};
use crate::memory;

/// The bytes of the length word before the value.
const HEADER: usize = 4;

/// A JSONB value: a length word and the bytes of its outermost container.
#[derive(Clone, Debug)]
pub struct Jsonb<'a>(Cow<'a, [u8]>);

impl Jsonb<'_> {
    /// Returns a view of the value.
    pub fn view(&self) -> View<'_> {
        View::root(self.0.get(HEADER..).unwrap_or_default())
    }

    /// Returns the bytes that the value has in memory.
    pub fn memory(&self) -> usize {
        self.0.len()
    }

    /// Copies the value, if it is borrowed.
    pub fn into_owned(self) -> Jsonb<'static> {
        Jsonb(Cow::Owned(self.0.into_owned()))
    }

    /// Returns `[]`.
    pub fn empty_array() -> Jsonb<'static> {
        Jsonb::empty(ARRAY)
    }

    /// Returns `{}`.
    pub fn empty_object() -> Jsonb<'static> {
        Jsonb::empty(OBJECT)
    }

    fn empty(kind: u32) -> Jsonb<'static> {
        let mut buffer = Jsonb::header(4);
        buffer.extend_from_slice(&kind.to_ne_bytes());
        Jsonb::from_buffer(buffer)
    }

    /// Returns a buffer that has the place of the length word.
    pub(super) fn header(expected_bytes: usize) -> Vec<u8> {
        let mut buffer = Vec::new();
        memory::reserve(&mut buffer, expected_bytes + HEADER);
        buffer.resize(HEADER, 0);
        buffer
    }

    pub(super) fn from_buffer(buffer: Vec<u8>) -> Jsonb<'static> {
        Jsonb(Cow::Owned(buffer))
    }
}

/// Borrows the value that a datum points to, detoasted.
///
/// # Safety
///
/// The datum is a JSONB value that is not NULL and lives, unchanged, as long as `'a`.
unsafe fn borrow<'a>(datum: pg_sys::Datum) -> Jsonb<'a> {
    // SAFETY: the caller gives a valid varlena. Detoasting returns it or a copy in the current memory
    // context, which lives as long as the call of the function.
    unsafe {
        let plain = pg_sys::pg_detoast_datum(datum.cast_mut_ptr());
        Jsonb(Cow::Borrowed(std::slice::from_raw_parts(
            plain.cast::<u8>(),
            varsize_any(plain),
        )))
    }
}

/// Copies the value that a datum points to. What detoasting makes of it is freed at once: it would stay until the end
/// of the call, 262 kB for each document of a flush.
///
/// # Safety
///
/// The datum is a varlena that is not NULL.
unsafe fn copy(datum: pg_sys::Datum) -> Vec<u8> {
    let stored: *mut pg_sys::varlena = datum.cast_mut_ptr();
    let mut bytes = Vec::new();
    // SAFETY: the caller gives a valid varlena. Detoasting returns it or a copy, which nobody else knows of.
    unsafe {
        let plain = pg_sys::pg_detoast_datum(stored);
        let length = varsize_any(plain);
        memory::reserve(&mut bytes, length);
        bytes.extend_from_slice(std::slice::from_raw_parts(plain.cast::<u8>(), length));
        if !std::ptr::eq(plain, stored) {
            pg_sys::pfree(plain.cast());
        }
    }
    bytes
}

/// Copies the bytes of a value, which begin with the place of its length word, into memory of Postgres.
fn varlena(bytes: &[u8]) -> pg_sys::Datum {
    let length = bytes.len();
    // SAFETY: palloc gives that many bytes or raises an error; all of them are written, the length word last, so
    // that the result is a whole varlena with a four-byte header.
    unsafe {
        let varlena = pg_sys::palloc(length).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), varlena, length);
        pgrx::set_varsize_4b(varlena.cast(), i32::try_from(length).unwrap_or(i32::MAX));
        pg_sys::Datum::from(varlena)
    }
}

// SAFETY: arguments live as long as the call, and so does what borrows from them.
unsafe impl<'fcx> ArgAbi<'fcx> for Jsonb<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller has checked type and NULL.
        let argument = unsafe { arg.unbox_arg_using_from_datum::<Argument>() };
        argument.map_or(Jsonb(Cow::Borrowed(&[])), |Argument(value)| value)
    }
}

/// An argument of the function that is being called, borrowed.
struct Argument(Jsonb<'static>);

impl FromDatum for Argument {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: the caller gives an argument; `unbox_arg_unchecked` shortens the lifetime to the call's.
        (!is_null).then(|| Argument(unsafe { borrow(datum) }))
    }
}

// SAFETY: only the names of the SQL type. The SQL declarations are written by hand and do not use them.
unsafe impl SqlTranslatable for Jsonb<'_> {
    const TYPE_IDENT: &'static str = "jsonb";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}

impl FromDatum for Jsonb<'_> {
    /// Copies the value, since what SPI returns does not outlive its call.
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the caller gives a datum of this type that is not NULL.
        Some(Jsonb(Cow::Owned(unsafe { copy(datum) })))
    }
}

impl IntoDatum for Jsonb<'_> {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        Some(varlena(&self.0))
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

// SAFETY: the datum is a fresh varlena of the type that the SQL declaration names.
unsafe impl BoxRet for Jsonb<'_> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            // SAFETY: as above.
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}

/// A JSONB value as it is stored, compressed or elsewhere. It is read only where it has to be.
pub struct Stored<'a>(pg_sys::Datum, std::marker::PhantomData<&'a ()>);

impl<'a> Stored<'a> {
    /// Reads the value.
    pub fn read(&self) -> Jsonb<'a> {
        // SAFETY: an argument that is not NULL, and lives as long as the call.
        unsafe { borrow(self.0) }
    }
}

impl FromDatum for Stored<'_> {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        (!is_null).then_some(Stored(datum, std::marker::PhantomData))
    }
}

// SAFETY: the datum is kept as it is, as long as the call.
unsafe impl<'fcx> ArgAbi<'fcx> for Stored<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller has checked type and NULL, so that there is a value.
        unsafe {
            arg.unbox_arg_using_from_datum::<Stored<'_>>()
                .unwrap_unchecked()
        }
    }
}

// SAFETY: only the names of the SQL type.
unsafe impl SqlTranslatable for Stored<'_> {
    const TYPE_IDENT: &'static str = "jsonb";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}

/// A JSONB value that is returned: an argument as it came, or a new one.
pub enum Returned<'a> {
    /// As it came.
    Same(Stored<'a>),
    /// A new one.
    New(Jsonb<'static>),
}

// SAFETY: the datum is a varlena of the type that the SQL declaration names.
unsafe impl BoxRet for Returned<'_> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self {
            // SAFETY: as above; an argument lives longer than the call.
            Returned::Same(stored) => unsafe { fcinfo.return_raw_datum(stored.0) },
            // SAFETY: that of the value.
            Returned::New(value) => unsafe { value.box_into(fcinfo) },
        }
    }
}

// SAFETY: only the names of the SQL type.
unsafe impl SqlTranslatable for Returned<'_> {
    const TYPE_IDENT: &'static str = "jsonb";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}

/// A `numeric`, as the bytes that JSONB keeps of one.
pub struct Decimal(Vec<u8>);

impl Decimal {
    /// Copies a number of a document.
    pub fn of(number: &[u8]) -> Decimal {
        Decimal(number.to_vec())
    }

    /// Returns the double nearest to the number. `None` for NaN and for what no double comes near.
    pub fn nearest_double(&self) -> Option<f64> {
        numeric::nearest_double(&self.0).filter(|double| double.is_finite())
    }

    /// Returns the number as a value, or `None` if it is NaN or infinite, which JSON does not know.
    pub fn node(self) -> Option<Node<'static>> {
        numeric::is_finite(&self.0).then(|| Node::Sum(self.0.into()))
    }

    /// Returns the number with the other sign.
    pub fn negated(self) -> Decimal {
        Decimal(numeric::negate(&self.0))
    }
}

impl FromDatum for Decimal {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: the caller gives a varlena that is not NULL.
        (!is_null).then(|| Decimal(unsafe { copy(datum) }))
    }
}

// SAFETY: the number is copied.
unsafe impl<'fcx> ArgAbi<'fcx> for Decimal {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller has checked type and NULL.
        unsafe { arg.unbox_arg_using_from_datum::<Decimal>() }.unwrap_or(Decimal(Vec::new()))
    }
}

// SAFETY: the datum is a fresh varlena of the type that the SQL declaration names: JSONB keeps a number as a whole
// `numeric`, with a length word of four bytes.
unsafe impl BoxRet for Decimal {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: as above.
        unsafe { fcinfo.return_raw_datum(varlena(&self.0)) }
    }
}

// SAFETY: only the names of the SQL type.
unsafe impl SqlTranslatable for Decimal {
    const TYPE_IDENT: &'static str = "numeric";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("numeric"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("numeric")));
}
