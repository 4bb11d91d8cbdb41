//! The loop round the hub, the only code that waits: for the server, for what is announced, for the time, and for watchers.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::hub::{Action, Connected, Hub, Input};
use super::notice::Notice;
use crate::Error;
use crate::buffer::lock;
use crate::settings::Settings;
use crate::wire::Transport;
use crate::wire::watch::Line;

/// The way from watchers to the hub.
#[derive(Debug)]
pub(crate) struct Watching {
    sender: mpsc::UnboundedSender<Input>,
    /// Taken by the loop when it begins.
    receiver: Mutex<Option<mpsc::UnboundedReceiver<Input>>>,
    watches: AtomicU64,
}

impl Watching {
    pub(crate) fn new() -> Watching {
        let (sender, receiver) = mpsc::unbounded_channel();
        Watching {
            sender,
            receiver: Mutex::new(Some(receiver)),
            watches: AtomicU64::new(0),
        }
    }

    /// Gives something to the hub, unless the client has ended.
    pub(crate) fn send(&self, input: Input) {
        let _ = self.sender.send(input);
    }

    /// Returns a number that no other watch has.
    pub(crate) fn number(&self) -> u64 {
        self.watches.fetch_add(1, Relaxed)
    }

    /// Serves watchers, until it is dropped: then all streams end.
    pub(crate) async fn drive(&self, settings: &Settings, transport: Arc<dyn Transport>) {
        let receiver = lock(&self.receiver).take();
        if let Some(receiver) = receiver {
            drive(receiver, settings, transport).await;
        }
    }
}

async fn drive(
    mut inputs: mpsc::UnboundedReceiver<Input>,
    settings: &Settings,
    transport: Arc<dyn Transport>,
) {
    let mut hub = Ending(Hub::new(settings));
    let mut call: Option<Calling> = None;
    let mut notices = None;
    let mut input = Input::Timer;
    loop {
        match hub.0.step(Instant::now(), input) {
            Some(Action::Connect) => {
                let connecting = transport.listen();
                call = Some(Box::pin(async move { Answer::Connected(connecting.await) }));
            }
            Some(Action::List(list)) => {
                let listing = transport.list(list);
                call = Some(Box::pin(async move {
                    Answer::Input(Input::Listed(listing.await))
                }));
            }
            Some(Action::View(view)) => {
                let viewing = transport.view(view);
                call = Some(Box::pin(async move {
                    Answer::Input(Input::Viewed(viewing.await))
                }));
            }
            Some(Action::ReadStreams(wanted)) => {
                let reading = transport.read_streams(wanted);
                call = Some(Box::pin(async move {
                    Answer::Input(Input::StreamsRead(reading.await))
                }));
            }
            Some(Action::ListStreams(run)) => {
                let listing = transport.list_streams(run);
                call = Some(Box::pin(async move {
                    Answer::Input(Input::StreamsListed(listing.await))
                }));
            }
            Some(Action::Disconnect) => {
                notices = None;
                transport.unlisten();
            }
            None => {}
        }
        let due = hub.0.due();
        input = tokio::select! {
            notice = announced(&mut notices) => match notice {
                Some(notice) => Input::Notice(notice),
                None => {
                    notices = None;
                    Input::Lost
                }
            },
            answer = answered(&mut call) => match answer {
                Answer::Input(input) => input,
                Answer::Connected(line) => Input::Connected(line.map(|line| {
                    let listens = line.notices.is_some();
                    notices = line.notices;
                    Connected { timeline: line.timeline, time: line.time, listens }
                })),
            },
            input = inputs.recv() => match input {
                Some(input) => input,
                None => return,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Input::Timer,
        };
    }
}

/// What the server answered.
enum Answer {
    Connected(Result<Line, Error>),
    Input(Input),
}

type Calling = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Waits for an answer, for ever if nothing is asked.
async fn answered(call: &mut Option<Calling>) -> Answer {
    match call {
        Some(under_way) => {
            let answer = under_way.await;
            *call = None;
            answer
        }
        None => std::future::pending().await,
    }
}

/// Waits for what is announced next, for ever if nobody listens.
async fn announced(notices: &mut Option<mpsc::Receiver<Notice>>) -> Option<Notice> {
    match notices {
        Some(notices) => notices.recv().await,
        None => std::future::pending().await,
    }
}

/// Ends all streams when the loop ends, whatever ended it.
struct Ending(Hub);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}
