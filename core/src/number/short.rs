//! Sums of short numbers, as nearly all are.

/// A number of few digits without an exponent.
#[derive(Clone, Copy)]
pub(super) struct Short {
    digits: i64,
    /// How many of the digits stand behind the point.
    scale: usize,
}

impl Short {
    /// The digits of one, so that the sum of two with different scales fits into an `i128`.
    const MAXIMUM_DIGITS: usize = 18;

    pub(super) fn read(text: &str) -> Option<Short> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if unsigned.len() > Short::MAXIMUM_DIGITS {
            return None;
        }
        let (mut digits, mut scale) = (0, None);
        for byte in unsigned.bytes() {
            match byte {
                b'0'..=b'9' => {
                    digits = digits * 10 + i64::from(byte - b'0');
                    scale = scale.map(|scale| scale + 1);
                }
                b'.' => scale = Some(0),
                _ => return None,
            }
        }
        Some(Short {
            digits: if text.starts_with('-') {
                -digits
            } else {
                digits
            },
            scale: scale.unwrap_or(0),
        })
    }

    /// Writes the sum with as many digits behind the point as the longer of the two.
    pub(super) fn plus(self, other: Short) -> String {
        let scale = self.scale.max(other.scale);
        let aligned = |short: Short| {
            (0..scale - short.scale).fold(i128::from(short.digits), |digits, _| digits * 10)
        };
        let sum = aligned(self) + aligned(other);
        let sign = if sum < 0 { "-" } else { "" };
        match scale {
            0 => format!("{sum}"),
            _ => {
                let digits = format!("{:0width$}", sum.unsigned_abs(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                format!("{sign}{whole}.{fraction}")
            }
        }
    }
}
