//! Which core a process has, and how much of it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::Failed;

/// Lambda gives a function of 128 MB this much of a core: a whole one comes with 1,769 MB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
pub(crate) const SHARE: f64 = 128.0 / 1769.0;

/// The period in which a process gets its share, as is said of Lambda.
const PERIOD: Duration = Duration::from_millis(20);

/// Two looks at a process that has its share by signals.
const LOOK: Duration = Duration::from_micros(200);

/// Where a controller for the share of a core may be, and how it is told the share.
const CONTROLLERS: [(&str, Version); 2] =
    [("/sys/fs/cgroup/archipelago-bench", Version::Two), ("/sys/fs/cgroup/cpu/archipelago-bench", Version::One)];

#[derive(Clone, Copy)]
pub(crate) enum Version {
    One,
    Two,
}

/// Puts the calling thread, and what it starts, on a core: the servers have one, what is measured the other. On a machine
/// with one core, nothing happens.
pub(crate) fn move_to(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    let _ = sched_setaffinity(None, &cores);
}

/// What holds processes to their share.
pub(crate) enum Throttle {
    /// The kernel, by a control group for each process: in one that several have, the next pays what the one before had too
    /// much of.
    Group(&'static Path, Version),
    /// This program, by signals: a process that has had its share stops until the next period.
    Signals,
}

/// A process is throttled as long as this is there.
pub(crate) enum Throttled {
    By { _group: Group },
    Following { over: Arc<AtomicBool>, thread: Option<JoinHandle<()>> },
}

/// A control group with one process. When this goes the process has ended, since a group goes only if it is empty.
pub(crate) struct Group(&'static Path);

impl Throttle {
    /// The kernel if it lets us.
    pub(crate) fn find() -> Self {
        let groups = CONTROLLERS.iter().map(|(path, version)| (Path::new(*path), *version));
        let mut ready =
            groups.filter(|(path, version)| prepare(path, *version).and_then(|()| fs::remove_dir(path)).is_ok());
        ready.next().map_or(Self::Signals, |(path, version)| Self::Group(path, version))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Group(..) => "a control group",
            Self::Signals => "SIGSTOP and SIGCONT",
        }
    }

    /// Gives a process no more than its share from now on.
    pub(crate) fn apply(&self, process: u32) -> Result<Throttled, Failed> {
        Ok(match *self {
            Self::Group(path, version) => {
                prepare(path, version)?;
                let group = Group(path);
                fs::write(path.join("cgroup.procs"), process.to_string())?;
                Throttled::By { _group: group }
            }
            Self::Signals => {
                let over = Arc::new(AtomicBool::new(false));
                let following = Arc::clone(&over);
                Throttled::Following {
                    over,
                    thread: Some(std::thread::spawn(move || stop_and_go(process, &following))),
                }
            }
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.0);
    }
}

impl Drop for Throttled {
    fn drop(&mut self) {
        if let Self::Following { over, thread } = self {
            over.store(true, Ordering::Relaxed);
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

fn prepare(path: &Path, version: Version) -> Result<(), std::io::Error> {
    let (quota, period) = (PERIOD.mul_f64(SHARE).as_micros(), PERIOD.as_micros());
    // One that was interrupted has left its own.
    let _ = fs::remove_dir(path);
    fs::create_dir(path)?;
    // In a folder of another kind than it has to be, a file would be made.
    let tell = |name: &str, value: String| {
        fs::OpenOptions::new().write(true).open(path.join(name))?.write_all(value.as_bytes())
    };
    let told = match version {
        Version::Two => tell("cpu.max", format!("{quota} {period}")),
        Version::One => {
            tell("cpu.cfs_period_us", period.to_string()).and_then(|()| tell("cpu.cfs_quota_us", quota.to_string()))
        }
    };
    told.inspect_err(|_| {
        let _ = fs::remove_dir(path);
    })
}

fn stop_and_go(process: u32, over: &AtomicBool) {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return };
    let share = PERIOD.mul_f64(SHARE);
    let mut had = consumed(process);
    while !over.load(Ordering::Relaxed) {
        let next = Instant::now() + PERIOD;
        let _ = kill_process(pid, Signal::CONT);
        while consumed(process).saturating_sub(had) < share && Instant::now() < next {
            std::thread::sleep(LOOK);
        }
        had = consumed(process);
        let _ = kill_process(pid, Signal::STOP);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let _ = kill_process(pid, Signal::CONT);
}

/// The time that all threads of a process had on a core.
pub(crate) fn consumed(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let nanoseconds = tasks.filter_map(|task| {
        let line = fs::read_to_string(task.path().join("schedstat")).ok()?;
        line.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}
