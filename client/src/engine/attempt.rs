//! One text, sent until the server has answered it.
//!
//! - What was not answered is sent again, unchanged and with the same sequence, after a pause. Nothing overtakes it.
//! - Some errors may mean several things: a [`Diagnosis`] shows which.
//! - If an attempt of a text that is now refused was never answered, it may have taken effect all the same, or may yet. A
//!   batch for a run that does not exist *claims* the sequence: either it is a duplicate, and the text took effect, or it
//!   uses up the sequence, so that the lost attempt can no longer apply. A text that took effect is sent once more: it changes
//!   nothing, and the answer has what of it was refused.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::writer::Writer;
use crate::Error;
use crate::wire::sqlstate::Meaning;
use crate::wire::{Diagnosis, Flush, Outcome, Row};

/// A batch with nothing in it.
pub(super) const NOTHING: &str = "[]";

/// A queue of notifications that is at least so full is what an error 54000 comes from. Postgres refuses only at 1, and
/// readers may have made room since.
const FULL_QUEUE: f64 = 0.5;

#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) text: Arc<str>,
    lock_timeout: Duration,
    /// False once the text was sent and not answered.
    is_certain: bool,
    /// True once an error that may mean a gap came where a diagnosis saw none.
    saw_no_gap: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The text is to be sent or under way.
    Sending,
    /// It failed with this error, whose meaning is asked for.
    Diagnosing(Error),
    /// It is refused, and the sequence is claimed.
    Claiming { refused: Refused, text: Arc<str> },
    /// The claim failed with an error that may mean a gap.
    DiagnosingClaim { refused: Refused },
    /// The text took effect, and is sent for its answer.
    Asking,
}

/// Why a text had no effect.
#[derive(Debug)]
pub(super) enum Refused {
    /// The server will never take it.
    Rejected(Error),
    /// It waited too long for a lock.
    Locked(Error, Diagnosis),
}

/// What became of a text.
#[derive(Debug)]
pub(super) enum Sent {
    Answered(Vec<Row>),
    /// It took effect, but the server does not give the answer.
    Arrived,
    /// It had no effect and never will.
    Refused(Refused),
    /// It is refused now, and whether it took effect before cannot be known.
    Doubtful(Error),
    /// The server lacks batches after this sequence.
    Gap(i64, Error),
}

/// A statement of an attempt.
#[derive(Debug)]
pub(super) enum Statement {
    Flush(Flush),
    Diagnose,
}

/// What follows an answer.
#[derive(Debug)]
pub(super) enum Next {
    /// The next statement is sent at once.
    Now,
    /// The next statement is sent after a pause.
    Later(Error),
    Done(Sent),
}

impl Attempt {
    pub(super) fn new(text: Arc<str>, lock_timeout: Duration) -> Attempt {
        Attempt {
            text,
            lock_timeout,
            is_certain: true,
            saw_no_gap: false,
            phase: Phase::Sending,
        }
    }

    /// Returns what is to be sent.
    pub(super) fn statement(&self, writer: &Writer) -> Statement {
        let text = match &self.phase {
            Phase::Sending | Phase::Asking => &self.text,
            Phase::Claiming { text, .. } => text,
            Phase::Diagnosing(_) | Phase::DiagnosingClaim { .. } => return Statement::Diagnose,
        };
        Statement::Flush(Flush {
            text: text.clone(),
            writer: writer.id(),
            sequence: writer.sequence(),
            lock_timeout: self.lock_timeout,
        })
    }

    /// Takes over the answer to a batch.
    pub(super) fn answered(
        &mut self,
        answer: Result<Vec<Row>, Error>,
        writer: &mut Writer,
    ) -> Next {
        match std::mem::replace(&mut self.phase, Phase::Sending) {
            Phase::Claiming { refused, text } => self.claimed(answer, refused, text, writer),
            Phase::Asking => match answer {
                Ok(rows) => {
                    writer.answered(self.text.clone());
                    Next::Done(Sent::Answered(rows))
                }
                Err(error) if error.passes() => {
                    self.phase = Phase::Asking;
                    Next::Later(error)
                }
                Err(_) => {
                    writer.answered(self.text.clone());
                    Next::Done(Sent::Arrived)
                }
            },
            _ => match answer {
                Ok(rows) => {
                    writer.answered(self.text.clone());
                    Next::Done(Sent::Answered(rows))
                }
                Err(error) => self.failed(error),
            },
        }
    }

    fn failed(&mut self, error: Error) -> Next {
        match error.meaning() {
            Meaning::InDoubt => {
                self.is_certain = false;
                Next::Later(error)
            }
            Meaning::Passes => Next::Later(error),
            Meaning::Locked | Meaning::GapSuspect | Meaning::QueueSuspect => {
                self.phase = Phase::Diagnosing(error);
                Next::Now
            }
            Meaning::TooMuchMemory | Meaning::Final => self.refuse(Refused::Rejected(error)),
        }
    }

    /// Takes over why the text or the claim failed.
    pub(super) fn diagnosed(
        &mut self,
        diagnosis: Result<Diagnosis, Error>,
        writer: &mut Writer,
    ) -> Next {
        // Without a diagnosis, the error means what it means in most cases.
        let is_locked = diagnosis.as_ref().is_ok_and(|found| found.table_is_locked);
        let known = diagnosis.as_ref().ok().filter(|_| !is_locked);
        let known = known.map(|found| found.last_sequence);
        let has_gap = known.is_some_and(|known| known < writer.sequence() - 1);
        match std::mem::replace(&mut self.phase, Phase::Sending) {
            Phase::Diagnosing(error) => match (error.meaning(), diagnosis) {
                (_, Err(failed)) if failed.passes() => Next::Later(error),
                _ if is_locked => Next::Later(error),
                (Meaning::GapSuspect, _) if has_gap => {
                    Next::Done(Sent::Gap(known.unwrap_or_default(), error))
                }
                // On a cluster, a batch that was answered may be seen a little later, between the error and the diagnosis.
                (Meaning::GapSuspect, Ok(_)) if !std::mem::replace(&mut self.saw_no_gap, true) => {
                    Next::Now
                }
                (Meaning::QueueSuspect, Ok(diagnosis))
                    if diagnosis.notification_queue >= FULL_QUEUE =>
                {
                    Next::Later(error)
                }
                (Meaning::Locked, diagnosis) => {
                    self.refuse(Refused::Locked(error, diagnosis.unwrap_or_default()))
                }
                _ => self.refuse(Refused::Rejected(error)),
            },
            Phase::DiagnosingClaim { refused } => match (refused, diagnosis) {
                (refused, Err(failed)) if failed.passes() => {
                    self.claim(refused);
                    Next::Later(failed)
                }
                (refused, Ok(_)) if is_locked => {
                    let (Refused::Rejected(error) | Refused::Locked(error, _)) = &refused;
                    let error = error.clone();
                    self.claim(refused);
                    Next::Later(error)
                }
                (Refused::Rejected(error) | Refused::Locked(error, _), _) if has_gap => {
                    Next::Done(Sent::Gap(known.unwrap_or_default(), error))
                }
                (refused, _) => doubtful(refused, writer),
            },
            phase => {
                self.phase = phase;
                Next::Now
            }
        }
    }

    /// Ends the attempt if no attempt of the text went unanswered, and claims the sequence otherwise: a lock, too, may be
    /// that of an attempt that is still at work.
    fn refuse(&mut self, refused: Refused) -> Next {
        match self.is_certain {
            true => Next::Done(Sent::Refused(refused)),
            false => {
                self.claim(refused);
                Next::Now
            }
        }
    }

    fn claim(&mut self, refused: Refused) {
        let text = format!(r#"[{{"run":"{}","operations":[]}}]"#, Uuid::new_v4());
        self.phase = Phase::Claiming {
            refused,
            text: text.into(),
        };
    }

    fn claimed(
        &mut self,
        answer: Result<Vec<Row>, Error>,
        refused: Refused,
        text: Arc<str>,
        writer: &mut Writer,
    ) -> Next {
        let error = match answer {
            Ok(rows) => {
                let is_duplicate = |row: &Row| row.outcome == Outcome::Duplicate;
                if rows.iter().any(is_duplicate) {
                    self.phase = Phase::Asking;
                    return Next::Now;
                }
                writer.answered(NOTHING.into());
                return Next::Done(Sent::Refused(refused));
            }
            Err(error) => error,
        };
        match error.meaning() {
            Meaning::GapSuspect => {
                self.phase = Phase::DiagnosingClaim { refused };
                Next::Now
            }
            Meaning::Final | Meaning::TooMuchMemory => doubtful(refused, writer),
            _ => {
                self.phase = Phase::Claiming { refused, text };
                Next::Later(error)
            }
        }
    }
}

/// Whether the server has the sequence cannot be known, so no other batch may have it.
fn doubtful(refused: Refused, writer: &mut Writer) -> Next {
    writer.begin_anew();
    let (Refused::Rejected(error) | Refused::Locked(error, _)) = refused;
    Next::Done(Sent::Doubtful(error))
}
