//! A result: our figure, theirs, and what the design promises of them.

use crate::figures::Figures;

/// What is promised. A ratio says how many times as fast ours is, unless its budget is [`AtMostTimes`](Budget::AtMostTimes).
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// Ours is at least this many times as fast as theirs.
    TimesAsFast(f64),
    /// Ours takes at most this many times what theirs takes.
    AtMostTimes(f64),
    /// Ours is at most this.
    AtMost(f64),
    /// Ours is at least this.
    AtLeast(f64),
    /// Nothing: the line is for information.
    None,
}

/// The unit of a line's figures.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// So many in a second: more is better.
    Rate(&'static str),
    /// What something takes: less is better.
    Cost(&'static str),
}

impl Unit {
    /// Returns the unit as it is printed.
    pub fn label(self) -> &'static str {
        match self {
            Unit::Rate(label) | Unit::Cost(label) => label,
        }
    }
}

/// Committed calls of one operation each.
pub const OPERATIONS: Unit = Unit::Rate("operations/s");

/// A result.
pub struct Line {
    /// What was measured.
    pub name: String,
    /// Ours.
    pub ours: Figures,
    /// What a user would do instead; empty if nothing was compared.
    pub instead: &'static str,
    /// Theirs.
    pub theirs: Option<Figures>,
    /// The unit of both.
    pub unit: Unit,
    /// What is promised.
    pub budget: Budget,
}

impl Line {
    /// A figure that is compared with nothing.
    pub fn alone(name: impl Into<String>, ours: Figures, unit: Unit, budget: Budget) -> Line {
        Line {
            name: name.into(),
            ours,
            instead: "",
            theirs: None,
            unit,
            budget,
        }
    }

    /// A figure beside theirs.
    pub fn beside(
        name: impl Into<String>,
        ours: &Figures,
        (instead, theirs): (&'static str, &Figures),
        unit: Unit,
        budget: Budget,
    ) -> Line {
        Line {
            name: name.into(),
            ours: ours.clone(),
            instead,
            theirs: Some(theirs.clone()),
            unit,
            budget,
        }
    }

    /// Returns the ratio of the medians, if there is something to compare with.
    pub fn ratio(&self) -> Option<f64> {
        let (ours, theirs) = (self.ours.median(), self.theirs.as_ref()?.median());
        let times_as_much = ours / theirs;
        Some(match (self.budget, self.unit) {
            (Budget::AtMostTimes(_), _) | (_, Unit::Rate(_)) => times_as_much,
            (_, Unit::Cost(_)) => 1.0 / times_as_much,
        })
    }

    /// Returns whether the budget is met, if there is one.
    pub fn is_met(&self) -> Option<bool> {
        let ours = self.ours.median();
        let ratio = self.ratio().unwrap_or(f64::NAN);
        match self.budget {
            Budget::TimesAsFast(least) => Some(ratio >= least),
            Budget::AtMostTimes(most) => Some(ratio <= most),
            Budget::AtMost(most) => Some(ours <= most),
            Budget::AtLeast(least) => Some(ours >= least),
            Budget::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ours: f64, theirs: f64, unit: Unit, budget: Budget) -> Line {
        let (ours, theirs) = (Figures::once(ours), Figures::once(theirs));
        Line::beside("", &ours, ("", &theirs), unit, budget)
    }

    #[test]
    fn ratio_says_how_many_times_as_fast_ours_is() {
        let rate = line(60.0, 100.0, OPERATIONS, Budget::TimesAsFast(0.6));
        assert_eq!((rate.ratio(), rate.is_met()), (Some(0.6), Some(true)));
        let cost = line(50.0, 100.0, Unit::Cost("µs"), Budget::TimesAsFast(2.5));
        assert_eq!((cost.ratio(), cost.is_met()), (Some(2.0), Some(false)));
    }

    #[test]
    fn ratio_of_a_limit_says_how_many_times_as_long_ours_takes() {
        let cost = line(180.0, 100.0, Unit::Cost("ms"), Budget::AtMostTimes(1.8));
        assert_eq!((cost.ratio(), cost.is_met()), (Some(1.8), Some(true)));
    }
}
