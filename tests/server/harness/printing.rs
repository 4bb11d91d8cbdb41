//! A program whose output is read while it runs.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};

/// A program at work, and what it has printed. It is ended when this is dropped.
pub struct Printing {
    program: Arc<Mutex<Child>>,
    output: Arc<Mutex<String>>,
    ended: JoinHandle<Option<i32>>,
}

impl Printing {
    /// Starts a program.
    pub fn of(mut command: Command) -> Self {
        let (mut reader, writer) = std::io::pipe().unwrap();
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer);
        let program = Arc::new(Mutex::new(command.spawn().unwrap()));
        // Its copies of the pipe would keep the reader waiting.
        drop(command);
        let output = Arc::<Mutex<String>>::default();
        let (shared, ending) = (output.clone(), program.clone());
        let ended = spawn_blocking(move || {
            let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                match reader.read(&mut buffer).unwrap() {
                    0 => break,
                    count => bytes.extend(&buffer[..count]),
                }
                // A character may have come in part.
                let text = String::from_utf8_lossy(&bytes);
                text.trim_end_matches('\u{fffd}')
                    .clone_into(&mut shared.lock().unwrap());
            }
            ending.lock().unwrap().wait().unwrap().code()
        });
        Self {
            program,
            output,
            ended,
        }
    }

    /// Returns what it has printed so far.
    pub fn shown(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Sends it SIGHUP.
    pub fn hang_up(&self) {
        let id = self.program.lock().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-HUP", &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has printed a text, so that it has seen what happened before.
    pub async fn until(&self, text: &str) {
        while !self.shown().contains(text) {
            assert!(
                !self.ended.is_finished(),
                "it ended without {text:?}:\n{}",
                self.shown()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns all that it printed, and how it ended.
    pub async fn end(mut self) -> (String, Option<i32>) {
        let code = (&mut self.ended).await.unwrap();
        let output = self.output.lock().unwrap().clone();
        (output, code)
    }

    /// Returns all that it printed; it must succeed.
    pub async fn finish(self) -> String {
        let (output, code) = self.end().await;
        assert_eq!(code, Some(0), "{output}");
        output
    }
}

impl Drop for Printing {
    fn drop(&mut self) {
        // A test that failed must not leave it behind. One that has ended cannot be killed.
        if let Ok(mut program) = self.program.lock() {
            let _ = program.kill();
        }
    }
}
