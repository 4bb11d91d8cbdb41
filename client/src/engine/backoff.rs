//! Pauses between retries: doubled each time, and shortened by chance, so that a thousand workers do not all come back in
//! the same moment.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff {
            first,
            longest,
            next: first,
        }
    }

    /// Returns the next pause: between half of what it would be and all of it.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Begins again with the shortest pause.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_again() {
        let millis = Duration::from_millis;
        let mut backoff = Backoff::new(millis(100), millis(1000));
        for whole in [100, 200, 400, 800, 1000, 1000] {
            let pause = backoff.pause();
            assert!(
                (millis(whole / 2)..=millis(whole)).contains(&pause),
                "{pause:?}"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= millis(100));
    }
}
