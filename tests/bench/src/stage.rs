//! A function with an AWS of its own, and what is measured there.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Failed;
use crate::answers::Answers;
use crate::certificate::Certificate;
use crate::chain::Operation;
use crate::crowd::Crowd;
use crate::fake::{FakeAws, LEDGER, REQUESTS};
use crate::process::{Memory, Process};
use crate::processor::{SHARE, Throttle, consumed};
use crate::subject::Subject;

/// After an event a process asks for the next one; by then it waits there.
const SETTLED: Duration = Duration::from_millis(3);

/// Events that nobody measures, since they are the first.
const FIRST: usize = 5;

/// From this event on the memory may not grow any more.
const GROWN: usize = 100;

/// What a call takes where operations are looked at.
pub(crate) const DELAY: Duration = Duration::from_millis(20);

/// The first event of a fresh process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cold {
    /// From the start to the first question for an event.
    pub(crate) init: Duration,
    /// From the start to the answer.
    pub(crate) answer: Duration,
    /// On a core, until the invocation was over.
    pub(crate) processor: Duration,
    /// In bytes.
    pub(crate) peak: u64,
    pub(crate) calls: usize,
}

/// Many events, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// In bytes: the most, and how much more after the last event than after the hundredth.
    pub(crate) peak: u64,
    pub(crate) grown: u64,
}

/// Servers for one function.
pub(crate) struct Stage<'a> {
    pub(crate) subject: &'a Subject,
    aws: FakeAws,
    answers: Answers,
    environment: Vec<(String, String)>,
    event: String,
}

impl<'a> Stage<'a> {
    /// With TLS if there is a certificate.
    pub(crate) async fn set(subject: &'a Subject, certificate: Option<&Certificate>) -> Result<Self, Failed> {
        let tls = certificate.map(|certificate| Arc::clone(&certificate.server));
        let (aws, answers) = (FakeAws::start(tls.as_ref()).await, Answers::start(tls.as_ref()).await);
        let mut environment = aws.environment();
        environment.extend(variables(subject, &answers.origin()));
        if let Some(certificate) = certificate {
            environment.extend(trusting(subject, &certificate.bundle)?);
        }
        let event = answers.here(&subject.event()?);
        if subject.name == "organization" {
            aws.without_organization();
            aws.settle();
        }
        let mut stage = Self { subject, aws, answers, environment, event };
        if subject.waits() {
            // What is measured from here on finds its share made.
            stage.cold().await?;
            stage.aws.settle();
        }
        Ok(stage)
    }

    /// One event for a fresh process.
    pub(crate) async fn cold(&mut self) -> Result<Cold, Failed> {
        self.aws.reset();
        self.aws.served();
        let (mut process, reports) = Process::start(self.subject, &self.environment, Some(&self.event)).await?;
        let init = process.ready().await?.duration_since(process.started);
        let answer = self.answers.next().await?.0.duration_since(process.started);
        if let Some(mut reports) = reports {
            process.done(&mut reports).await?;
        }
        let processor = consumed(process.id());
        let peak = process.memory()?.peak;
        process.end().await?;
        Ok(Cold { init, answer, processor, peak, calls: self.aws.served().len() })
    }

    /// From an event to its answer, for a process that has had a few.
    pub(crate) async fn warm(&mut self, events: usize) -> Result<Vec<Duration>, Failed> {
        let (mut process, _) = Process::start(self.subject, &self.environment, None).await?;
        process.ready().await?;
        let mut times = Vec::new();
        for nth in 0..events + FIRST {
            tokio::time::sleep(SETTLED).await;
            let time = self.answered(&mut process).await?;
            times.extend((nth >= FIRST).then_some(time));
        }
        process.end().await?;
        Ok(times)
    }

    /// From the start to the first answer, with the share of a core that the smallest function has once it has started. No
    /// less than its time on a core takes at that share, since the kernel lets little work pass at once.
    pub(crate) async fn throttled(&mut self, throttle: &Throttle) -> Result<Duration, Failed> {
        let (mut process, _) = Process::start(self.subject, &self.environment, None).await?;
        let init = process.ready().await?.duration_since(process.started);
        self.aws.reset();
        let throttled = throttle.apply(process.id())?;
        let (before, began) = (consumed(process.id()), Instant::now());
        let reports = process.offer(self.subject, &self.event);
        let answered = self.answers.next().await;
        let used = consumed(process.id()).saturating_sub(before);
        drop(reports);
        process.end().await?;
        drop(throttled);
        self.aws.served();
        Ok(init + answered?.0.duration_since(began).max(used.div_f64(SHARE)))
    }

    /// So many events for one process.
    pub(crate) async fn growth(&mut self, events: usize) -> Result<Growth, Failed> {
        let (mut process, _) = Process::start(self.subject, &self.environment, None).await?;
        process.ready().await?;
        let mut before = None::<Memory>;
        for nth in 1..=events {
            self.answered(&mut process).await?;
            if nth == GROWN.min(events) {
                before = Some(process.memory()?);
            }
        }
        let after = process.memory()?;
        process.end().await?;
        let before = before.map_or(after.now, |before| before.now);
        Ok(Growth { peak: after.peak, grown: after.now.saturating_sub(before) })
    }

    /// The lives of so many resources, with calls that take a while, in a process that has its connections: it has lived one
    /// before.
    pub(crate) async fn operations(&mut self, lives: usize) -> Result<Vec<Vec<Operation>>, Failed> {
        let (mut process, _) = Process::start(self.subject, &self.environment, None).await?;
        process.ready().await?;
        self.aws.delay(DELAY);
        let mut operations = Vec::new();
        for _ in 0..=lives {
            operations.push(self.life(&mut process).await?);
        }
        self.aws.delay(Duration::ZERO);
        process.end().await?;
        operations.remove(0);
        Ok(operations)
    }

    /// So many statements that are created at once in one policy, each by a process of its own, with calls that take a while.
    pub(crate) async fn crowd(&mut self, claims: usize) -> Result<Crowd, Failed> {
        self.aws.reset();
        let mut processes = Vec::new();
        for _ in 0..claims {
            let (mut process, _) = Process::start(self.subject, &self.environment, None).await?;
            process.ready().await?;
            processes.push(process);
        }
        let event: Value = serde_json::from_str(&self.answers.here(&self.subject.event()?))?;
        self.aws.delay(DELAY);
        self.aws.served();
        let (began, mut ended) = (Instant::now(), Instant::now());
        let mut reports = Vec::new();
        for (nth, process) in processes.iter().enumerate() {
            reports.push(process.offer(self.subject, &Crowd::event(&event, nth).to_string()));
        }
        for _ in 0..claims {
            ended = self.answers.next().await?.0;
        }
        for (process, reports) in processes.iter_mut().zip(&mut reports) {
            process.done(reports).await?;
        }
        self.aws.delay(Duration::ZERO);
        let (calls, units) = (self.aws.served().len(), self.aws.write_units());
        for process in processes {
            process.end().await?;
        }
        Ok(Crowd { claims, time: ended.duration_since(began), calls, units })
    }

    async fn life(&mut self, process: &mut Process) -> Result<Vec<Operation>, Failed> {
        self.aws.reset();
        let mut operations = Vec::new();
        let mut id = String::new();
        for kind in ["create", "update", "delete"] {
            let mut event: Value = serde_json::from_str(&self.answers.here(&self.subject.request(kind)?))?;
            if kind != "create" {
                event["PhysicalResourceId"] = Value::from(id.clone());
            }
            tokio::time::sleep(SETTLED).await;
            self.aws.served();
            let began = Instant::now();
            let mut reports = process.offer(self.subject, &event.to_string());
            let (ended, physical_id) = self.answers.next().await?;
            process.done(&mut reports).await?;
            id = physical_id;
            operations.push(Operation { kind, began, ended, calls: self.aws.served() });
        }
        Ok(operations)
    }

    async fn answered(&mut self, process: &mut Process) -> Result<Duration, Failed> {
        self.aws.reset();
        let began = Instant::now();
        let mut reports = process.offer(self.subject, &self.event);
        let (at, _) = self.answers.next().await?;
        process.done(&mut reports).await?;
        self.aws.served();
        Ok(at.duration_since(began))
    }
}

/// What Lambda sets, and template.yaml.
fn variables(subject: &Subject, answers: &str) -> Vec<(String, String)> {
    let folder = subject.folder.display().to_string();
    let name = format!("archipelago-{}", subject.name);
    [
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_NAME", &name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_SECRET_ACCESS_KEY", "EXAMPLE"),
        ("AWS_SESSION_TOKEN", "EXAMPLE"),
        ("HOME", "/tmp"),
        ("LAMBDA_TASK_ROOT", &folder),
        ("LEDGER_TABLE", LEDGER),
        ("PATH", "/usr/bin:/bin"),
        ("PYTHONPATH", &folder),
        ("REQUEST_TABLE", REQUESTS),
        ("RESPONSE_HOSTS", answers),
        ("TZ", ":UTC"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// How each of the languages is told whom to trust. What comes with the AWS SDK for Python, and is read by whoever makes a
/// connection, is read here as well; the others have theirs built in, and take one more.
fn trusting(subject: &Subject, bundle: &Path) -> Result<Vec<(String, String)>, Failed> {
    let public = subject.folder.join("botocore/cacert.pem");
    let bundle = if public.exists() {
        let both = subject.folder.with_extension("pem");
        std::fs::write(&both, [std::fs::read(public)?, std::fs::read(bundle)?].concat())?;
        both
    } else {
        bundle.to_owned()
    };
    let bundle = bundle.display().to_string();
    let names = ["AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];
    Ok(names.map(|name| (name.to_owned(), bundle.clone())).into())
}
