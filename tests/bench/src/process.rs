//! One process of what is measured.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use archipelago_tests::runtime_api::{Invocation, Report, RuntimeApi};
use tokio::process::{Child, Command};

use crate::subject::Subject;
use crate::{Failed, processor};

/// The core of what is measured.
const MEASURED: usize = 0;
/// The core of the servers.
pub(crate) const SERVERS: usize = 1;

/// Who doesn't ask for an event by then won't.
const INIT: Duration = Duration::from_mins(5);

/// Time enough for any invocation.
const TIMEOUT: Duration = Duration::from_mins(5);

/// A process, the Runtime API that it asks for events, and when it was started.
pub(crate) struct Process {
    child: Child,
    id: u32,
    api: RuntimeApi,
    pub(crate) started: Instant,
}

/// What a process takes of the memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) peak: u64,
    pub(crate) now: u64,
}

/// An invocation on its way.
pub(crate) type Reports = tokio::sync::mpsc::UnboundedReceiver<Report>;

impl Process {
    /// Starts what is measured; if there is an event, it waits there for the process.
    pub(crate) async fn start(
        subject: &Subject,
        environment: &[(String, String)],
        event: Option<&str>,
    ) -> Result<(Self, Option<Reports>), Failed> {
        let api = RuntimeApi::start().await;
        let reports = event.map(|event| api.offer(invocation(subject, event)));
        let log = File::create(subject.log())?;
        let mut command = Command::new(&subject.program);
        command
            .args(&subject.arguments)
            .current_dir(&subject.folder)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.authority())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        processor::move_to(MEASURED);
        let started = Instant::now();
        let child = command.spawn();
        processor::move_to(SERVERS);
        let child = child?;
        let id = child.id().ok_or("the process has no id")?;
        Ok((Self { child, id, api, started }, reports))
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Returns when the process has asked for its first event: its initialisation is over.
    pub(crate) async fn ready(&mut self) -> Result<Instant, Failed> {
        tokio::select! {
            biased;
            () = self.api.ready() => Ok(Instant::now()),
            ended = self.child.wait() => Err(format!("the process ended with {}", ended?).into()),
            () = tokio::time::sleep(INIT) => Err("the process asks for no event".into()),
        }
    }

    /// Hands it an event.
    pub(crate) fn offer(&self, subject: &Subject, event: &str) -> Reports {
        self.api.offer(invocation(subject, event))
    }

    /// Returns when the process is through with an event.
    pub(crate) async fn done(&mut self, reports: &mut Reports) -> Result<(), Failed> {
        loop {
            let report = tokio::select! {
                biased;
                report = reports.recv() => report,
                ended = self.child.wait() => return Err(format!("the process ended with {}", ended?).into()),
            };
            match report {
                Some(Report::Taken) => {}
                Some(Report::Response(_)) => return Ok(()),
                Some(Report::Error(error)) => return Err(String::from_utf8_lossy(&error).into_owned().into()),
                None => return Err("the event was lost".into()),
            }
        }
    }

    pub(crate) fn memory(&self) -> Result<Memory, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next()?.parse().ok());
            kibibytes.map(|number: u64| number * 1024).ok_or_else(|| format!("no {name} in /proc"))
        };
        Ok(Memory { peak: bytes("VmHWM")?, now: bytes("VmRSS")? })
    }

    /// Kills it.
    pub(crate) async fn end(mut self) -> Result<(), Failed> {
        Ok(self.child.kill().await?)
    }
}

fn invocation(subject: &Subject, event: &str) -> Invocation {
    Invocation {
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        timeout: TIMEOUT,
        function_arn: subject.function_arn(),
        chain: 1,
        payload: event.as_bytes().to_vec(),
    }
}
