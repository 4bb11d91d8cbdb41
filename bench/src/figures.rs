//! The same figure, measured several times.

/// One measurement for each turn, in their order.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<f64>);

impl Figures {
    /// A figure that was measured once.
    pub fn once(figure: f64) -> Figures {
        Figures(vec![figure])
    }

    /// Adds the measurement of another turn.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Returns the middle one.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Returns the smallest.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// Returns the largest.
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Returns each figure changed in the same way, such as into another unit.
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Figures {
        Figures(self.0.iter().copied().map(change).collect())
    }
}
