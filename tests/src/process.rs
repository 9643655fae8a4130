//! One process of a function: started with an environment, fed through a Runtime API of its own, killed at the timeout.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::patience::PATIENCE;
use crate::runtime_api::{Invocation, Report, RuntimeApi, json_of};

/// A line that a process wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Whether it came from stderr rather than stdout.
    pub stderr: bool,
    /// The line without its end.
    pub text: String,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum InvocationEnd {
    /// The function returned this.
    Returned(Value),
    /// The function, or its start, reported this error.
    Errored(Value),
    /// The timeout passed and the process was killed.
    TimedOut,
    /// The process ended by itself in the middle of the invocation.
    Crashed,
}

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    session: String,
    api: RuntimeApi,
    readers: Vec<JoinHandle<()>>,
    warm: bool,
}

impl Process {
    pub(crate) async fn start(
        binary: &Path,
        environment: &BTreeMap<String, String>,
        session: String,
        log: Arc<Mutex<Vec<LogLine>>>,
    ) -> Self {
        let api = RuntimeApi::start().await;
        let mut child = Command::new(binary)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.authority())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{} can't be started: {error}", binary.display()));
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let readers = vec![tokio::spawn(read(stdout, false, Arc::clone(&log))), tokio::spawn(read(stderr, true, log))];
        Self { child, session, api, readers, warm: false }
    }

    /// The session token in its environment, which is no other process's of the function.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// Runs one event; returns the process if it can take another one. It is killed when `grace` is over after its timeout.
    pub(crate) async fn invoke(mut self, invocation: Invocation, grace: Duration) -> (InvocationEnd, Option<Self>) {
        if !self.warm {
            let failure = tokio::select! {
                biased;
                () = self.api.ready() => None,
                body = self.api.init_error() => Some(InvocationEnd::Errored(json_of(&body))),
                _ = self.child.wait() => Some(InvocationEnd::Crashed),
                () = tokio::time::sleep(PATIENCE) => {
                    Some(InvocationEnd::Errored(json!({ "errorType": "Sandbox.Timedout", "errorMessage": "init" })))
                }
            };
            if let Some(end) = failure {
                self.end().await;
                return (end, None);
            }
            self.warm = true;
        }
        let longest = invocation.timeout + grace;
        let mut reports = self.api.offer(invocation);
        // A warm process is between two requests for a moment: its time runs once it has taken the event.
        let taken = tokio::select! {
            report = reports.recv() => report.is_some(),
            _ = self.child.wait() => false,
        };
        if !taken {
            self.end().await;
            return (InvocationEnd::Crashed, None);
        }
        let end = tokio::select! {
            biased;
            report = reports.recv() => match report {
                Some(Report::Response(body)) => InvocationEnd::Returned(json_of(&body)),
                Some(Report::Error(body)) => InvocationEnd::Errored(json_of(&body)),
                Some(Report::Taken) | None => InvocationEnd::Crashed,
            },
            _ = self.child.wait() => InvocationEnd::Crashed,
            () = tokio::time::sleep(longest) => InvocationEnd::TimedOut,
        };
        match end {
            InvocationEnd::Returned(_) | InvocationEnd::Errored(_) => (end, Some(self)),
            InvocationEnd::TimedOut | InvocationEnd::Crashed => {
                self.end().await;
                (end, None)
            }
        }
    }

    /// The most memory that it has ever had at once, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let id = self.child.id().expect("a process that is kept warm lives");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux tells of its processes");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a process has memory");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("it is in kibibytes");
        kibibytes * 1024
    }

    /// Kills the process and reads what it wrote to the end.
    pub(crate) async fn end(mut self) {
        let _ = self.child.kill().await;
        for reader in self.readers {
            let _ = reader.await;
        }
    }
}

async fn read(stream: impl AsyncRead + Unpin, stderr: bool, log: Arc<Mutex<Vec<LogLine>>>) {
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let text = String::from_utf8_lossy(&line).into_owned();
        log.lock().unwrap_or_else(PoisonError::into_inner).push(LogLine { stderr, text });
    }
}
