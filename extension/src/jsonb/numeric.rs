//! Postgres' exact decimal numbers, in the form in which JSONB keeps them.
//!
//! A `numeric` is a length word, a header of two or four bytes with sign, scale and weight, and digits to
//! the base 10,000 without zeros at either end. Source: `src/backend/utils/adt/numeric.c`.

use pgrx::PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
use pgrx::{IntoDatum, PgTryBuilder, pg_sys};

/// A number taken apart.
#[derive(PartialEq, Eq)]
struct Parts<'a> {
    negative: bool,
    /// The power of 10,000 of the first digit.
    weight: i32,
    /// Pairs of bytes, each a digit to the base 10,000.
    digits: &'a [u8],
}

/// Returns the parts of a number and its scale: digits behind the point.
fn read(number: &[u8]) -> (Parts<'_>, usize) {
    let half = |at: usize| match number.get(at..at + 2) {
        Some(&[a, b]) => u16::from_ne_bytes([a, b]),
        _ => 0,
    };
    // Varlena headers: JSONB keeps four-byte ones; a one-byte header is odd on little-endian machines.
    let start =
        if cfg!(target_endian = "little") && number.first().is_some_and(|byte| byte & 1 == 1) {
            1
        } else {
            4
        };
    let header = half(start);
    if header & 0x8000 != 0 {
        // Short: sign, six bits of scale, seven of weight in two's complement.
        let weight = i32::from(header & 0x003F) - if header & 0x0040 != 0 { 0x40 } else { 0 };
        let digits = number.get(start + 2..).unwrap_or_default();
        let parts = Parts {
            negative: header & 0x2000 != 0,
            weight,
            digits,
        };
        return (parts, usize::from((header & 0x1F80) >> 7));
    }
    let weight = i32::from(half(start + 2).cast_signed());
    let digits = number.get(start + 4..).unwrap_or_default();
    (
        Parts {
            negative: header & 0xC000 == 0x4000,
            weight,
            digits,
        },
        usize::from(header & 0x3FFF),
    )
}

/// Returns the bytes of a number's text, which has no exponent.
pub fn text_length(number: &[u8]) -> usize {
    let (parts, scale) = read(number);
    let first = match parts.digits.first_chunk() {
        Some(bytes) => u16::from_ne_bytes(*bytes),
        None => 0,
    };
    let whole = match usize::try_from(parts.weight) {
        Ok(weight) if first > 0 => 4 * weight + first.ilog10() as usize + 1,
        _ => 1,
    };
    let fraction = if scale > 0 { 1 + scale } else { 0 };
    usize::from(parts.negative) + whole + fraction
}

/// Returns true if both stand for the same number: 1 and 1.0 do.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    let ((left, _), (right, _)) = (read(left), read(right));
    // Zero has no digits, and its weight means nothing.
    left == right || (left.digits.is_empty() && right.digits.is_empty())
}

/// Returns the number if it is whole and fits.
pub fn as_u64(number: &[u8]) -> Option<u64> {
    let (parts, _) = read(number);
    if parts.digits.is_empty() {
        return Some(0);
    }
    let count = usize::try_from(parts.weight).ok()? + 1;
    if parts.negative || parts.digits.len() / 2 > count || count > 6 {
        return None;
    }
    let digits = parts
        .digits
        .chunks_exact(2)
        .map(|pair| u64::from(u16::from_ne_bytes([pair[0], pair[1]])));
    let zeros = std::iter::repeat(0);
    digits
        .chain(zeros)
        .take(count)
        .try_fold(0u64, |value, digit| {
            value.checked_mul(10_000)?.checked_add(digit)
        })
}

/// Returns a whole number.
pub fn from_index(index: usize) -> Vec<u8> {
    // SAFETY: int8_numeric takes a bigint by value and returns a new numeric.
    unsafe {
        let datum = pgrx::direct_function_call_as_datum(
            pg_sys::int8_numeric,
            &[(index as i64).into_datum()],
        );
        datum.map_or_else(Vec::new, |datum| take(datum))
    }
}

/// Copies the bytes of a new numeric and frees it.
///
/// # Safety
///
/// The datum is a numeric with a four-byte header that nobody else uses.
unsafe fn take(datum: pg_sys::Datum) -> Vec<u8> {
    let number: *mut pg_sys::varlena = datum.cast_mut_ptr();
    // SAFETY: the caller's.
    unsafe {
        let bytes =
            std::slice::from_raw_parts(number.cast::<u8>(), pgrx::varsize_any(number)).to_vec();
        pg_sys::pfree(number.cast());
        bytes
    }
}

/// Returns false for NaN and the infinities.
pub fn is_finite(number: &[u8]) -> bool {
    match number.get(4..6) {
        Some(&[a, b]) => u16::from_ne_bytes([a, b]) & 0xC000 != 0xC000,
        _ => false,
    }
}

/// Returns the number with the other sign.
pub fn negate(number: &[u8]) -> Vec<u8> {
    call(pg_sys::numeric_uminus, &[number]).unwrap_or_default()
}

/// Returns the exact sum, or `None` if it has more digits than a `numeric` can hold.
pub fn sum(left: &[u8], right: &[u8]) -> Option<Vec<u8>> {
    PgTryBuilder::new(|| call(pg_sys::numeric_add, &[left, right]))
        .catch_when(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, |_| None)
        .execute()
}

/// Returns the double nearest to the number, an infinity beyond their range.
pub fn nearest_double(number: &[u8]) -> Option<f64> {
    with_numerics(&[number], |arguments| {
        // SAFETY: as in `call`; the result is a double by value.
        unsafe { pgrx::direct_function_call(pg_sys::numeric_float8_no_overflow, arguments) }
    })
}

/// Calls one of Postgres' functions that take numerics and return a new one.
fn call(
    function: unsafe fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
    numbers: &[&[u8]],
) -> Option<Vec<u8>> {
    with_numerics(numbers, |arguments| {
        // SAFETY: the arguments point to numerics with four-byte headers, aligned, that outlive the call. The
        // functions are strict, allocate their result and keep no pointer to their arguments.
        unsafe { pgrx::direct_function_call_as_datum(function, arguments).map(|datum| take(datum)) }
    })
}

/// Hands numbers over as Postgres reads them.
fn with_numerics<T>(numbers: &[&[u8]], use_them: impl FnOnce(&[Option<pg_sys::Datum>]) -> T) -> T {
    // Eight-byte words, because Postgres reads a numeric as an aligned struct.
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    };
    let aligned: Vec<Vec<u64>> = numbers
        .iter()
        .map(|number| number.chunks(8).map(word).collect())
        .collect();
    let arguments: Vec<_> = aligned
        .iter()
        .map(|number| Some(pg_sys::Datum::from(number.as_ptr())))
        .collect();
    use_them(&arguments)
}
