//! Whatever is announced, lost or late: each reader gets each chunk once, in order, and the end behind the last.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tokio::time::Instant;

use crate::Error;
use crate::buffer::waiter::Waiter;
use crate::settings::Settings;
use crate::stream::read_ahead::{ReadAhead, Taken};
use crate::watch::hub::{Action, Connected, Hub, Input, NewReader};
use crate::watch::notice::{Notice, RunNotice, StreamNotice};
use crate::wire::streams::{FoundChunks, WantedChunks};

/// A stream, readers of it, and a hub between them, stepped by hand.
struct World {
    hub: Hub,
    now: Instant,
    action: Option<Action>,
    chunks: i64,
    is_closed: bool,
    run_has_finished: bool,
    listens: bool,
    readers: Vec<Reader>,
}

struct Reader {
    id: u64,
    ahead: Arc<ReadAhead>,
    next: u64,
    has_ended: bool,
}

impl World {
    fn new() -> World {
        World {
            hub: Hub::new(&Settings::default()),
            now: Instant::now(),
            action: None,
            chunks: 0,
            is_closed: false,
            run_has_finished: false,
            listens: false,
            readers: Vec::new(),
        }
    }

    fn step(&mut self, input: Input) {
        if let Some(action) = self.hub.step(self.now, input) {
            assert!(self.action.is_none(), "two statements at once");
            self.action = Some(action);
        }
    }

    fn begin(&mut self, from: u64) {
        let (id, ahead) = (self.readers.len() as u64, Arc::<ReadAhead>::default());
        let (waiter, _) = Waiter::new();
        self.step(Input::Read(NewReader {
            id,
            run: "a".into(),
            stream: "s".into(),
            from: from as i64,
            ahead: ahead.clone(),
            waiter,
        }));
        self.readers.push(Reader {
            id,
            ahead,
            next: from,
            has_ended: false,
        });
    }

    /// Changes the stream, and announces that unless it gets lost.
    fn change(&mut self, change: impl FnOnce(&mut World), arrives: bool) {
        let before = (self.is_closed, self.run_has_finished);
        change(self);
        if !arrives || !self.listens {
            return;
        }
        let notice = match self.run_has_finished == before.1 {
            true => Notice {
                streams: vec![StreamNotice {
                    id: "a".to_owned(),
                    stream: "s".to_owned(),
                    last: self.chunks - 1,
                    closed: self.is_closed,
                }],
                ..Notice::default()
            },
            false => Notice {
                runs: vec![RunNotice {
                    id: "a".to_owned(),
                    root: "a".to_owned(),
                    version: None,
                }],
                ..Notice::default()
            },
        };
        self.step(Input::Notice(notice));
    }

    fn append(&mut self, count: u8, arrives: bool) {
        if !self.is_closed {
            self.change(|world| world.chunks += i64::from(count), arrives);
        }
    }

    /// Lets the server answer what is asked.
    fn answer(&mut self, fails: bool) {
        let failed = || Error::lost();
        match self.action.take() {
            Some(Action::Connect) if fails => self.step(Input::Connected(Err(failed()))),
            Some(Action::Connect) => {
                self.listens = true;
                self.step(Input::Connected(Ok(Connected {
                    timeline: 1,
                    time: SystemTime::UNIX_EPOCH,
                    listens: true,
                })));
            }
            Some(Action::ReadStreams(_)) if fails => {
                self.step(Input::StreamsRead(Err(failed())));
            }
            Some(Action::ReadStreams(wanted)) => {
                let found = wanted.iter().map(|wanted| self.found(wanted)).collect();
                self.step(Input::StreamsRead(Ok(found)));
            }
            Some(Action::Disconnect) => self.listens = false,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }

    fn found(&self, wanted: &WantedChunks) -> FoundChunks {
        let left = (wanted.from..self.chunks).take(wanted.chunks);
        FoundChunks {
            run_created_at: Some(SystemTime::UNIX_EPOCH),
            created_at: Some(SystemTime::UNIX_EPOCH),
            run_has_finished: self.run_has_finished,
            count: self.chunks,
            is_closed: self.is_closed,
            error: None,
            chunks: left.map(|number| number.to_string().into()).collect(),
        }
    }

    fn take(&mut self, reader: usize, most: usize) {
        for _ in 0..most {
            let reader = &mut self.readers[reader];
            match reader.ahead.take(Waker::noop()) {
                Taken::Chunk { chunk, makes_room } => {
                    assert_eq!(chunk.number(), reader.next);
                    assert_eq!(chunk.json(), reader.next.to_string());
                    reader.next += 1;
                    let id = reader.id;
                    if makes_room {
                        self.step(Input::RoomForChunks(id));
                    }
                }
                Taken::Nothing => return,
                Taken::End(error) => {
                    assert!(error.is_none());
                    assert!(self.is_closed || self.run_has_finished);
                    reader.has_ended = true;
                    return;
                }
            }
        }
    }

    fn lose_connection(&mut self) {
        if std::mem::take(&mut self.listens) {
            self.step(Input::Lost);
        }
    }

    fn pass(&mut self) {
        let due = self.hub.due();
        self.now = due.unwrap_or(self.now).max(self.now);
        self.step(Input::Timer);
    }

    fn happen(&mut self, what: u8, number: u8) {
        let reader = usize::from(number) % self.readers.len().max(1);
        match what {
            0..=79 => self.append(number, !what.is_multiple_of(4)),
            80..=139 => self.answer(what.is_multiple_of(8)),
            140..=199 if !self.readers.is_empty() => self.take(reader, usize::from(number) * 8),
            200..=209 => self.lose_connection(),
            210..=219 => self.pass(),
            220..=239 => self.begin(u64::from(number).min(self.chunks.unsigned_abs())),
            240..=249 if !self.readers.is_empty() => {
                self.step(Input::Notice(Notice::resync()));
            }
            _ => self.now += Duration::from_millis(10),
        }
    }

    /// Lets everything come right. A loss of notices that nobody notices is one of the connection.
    fn end(mut self, closes: bool) {
        self.lose_connection();
        match closes {
            true => self.change(|world| world.is_closed = true, true),
            false => self.change(|world| world.run_has_finished = true, true),
        }
        for _ in 0..10_000 {
            (0..self.readers.len()).for_each(|reader| self.take(reader, 100));
            if self.readers.iter().all(|reader| reader.has_ended) {
                break;
            }
            match self.action.is_some() {
                true => self.answer(false),
                false => self.pass(),
            }
        }
        for reader in &self.readers {
            assert!(reader.has_ended, "reader {} waits", reader.id);
            assert!(reader.next >= self.chunks.unsigned_abs());
        }
    }
}

proptest! {
    #[test]
    fn each_reader_gets_each_chunk_once(
        events in proptest::collection::vec(any::<(u8, u8)>(), 0..64),
        closes in any::<bool>(),
    ) {
        let mut world = World::new();
        world.begin(0);
        for (what, number) in events {
            world.happen(what, number);
        }
        world.end(closes);
    }
}

#[test]
fn readers_at_the_same_chunk_of_a_stream_are_read_for_once() {
    let mut world = World::new();
    world.append(200, true);
    [0, 0, 70, 0].into_iter().for_each(|from| world.begin(from));
    world.answer(false);
    let Some(Action::ReadStreams(wanted)) = &world.action else {
        panic!("{:?}", world.action);
    };
    let from: Vec<i64> = wanted.iter().map(|wanted| wanted.from).collect();
    assert_eq!(from, [0, 70]);
    world.end(true);
}
