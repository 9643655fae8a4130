//! Measures the functions beside what others would write in their place, each in turn, and judges what it found.
//!
//! `archipelago-bench <functions> <environment> <lean> <page>`: the folders of the functions' binaries and of what the
//! others need, the binary of the peer in Rust, and the page to be written. `BENCH=quick` takes fewer rounds, and writes nothing.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

mod answers;
mod certificate;
mod chain;
mod crowd;
mod fake;
mod figures;
mod goals;
mod machine;
mod page;
mod process;
mod processor;
mod stage;
mod subject;

use std::process::ExitCode;

use archipelago_tests::binary::workspace;
use certificate::Certificate;
use figures::{Figures, Rounds};
use processor::Throttle;
use subject::Subject;

/// What is between these in the README comes from here.
const BEGIN: &str = "<!-- written by make bench -->";
const END: &str = "<!-- end -->";

/// Why there is no result.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("Nothing was measured: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<(), Failed> {
    let mut arguments = std::env::args_os().skip(1);
    // What is measured runs in folders of its own.
    let mut argument = || -> Result<_, Failed> {
        let path = arguments.next().ok_or("usage: archipelago-bench <functions> <environment> <lean> <page>")?;
        Ok(std::path::absolute(path)?)
    };
    let (functions, environment, lean, page) = (argument()?, argument()?, argument()?, argument()?);
    processor::move_to(process::SERVERS);
    let rounds = Rounds::from_environment();
    let peers = functions.with_file_name("peers");
    let mut subjects = Subject::ours(&functions)?;
    subjects.extend(Subject::peers(&peers, &environment, &lean)?);
    let certificate = Certificate::make(&peers)?;
    let throttle = Throttle::find();
    let figures = Figures::take(&subjects, &certificate, &throttle, rounds).await?;
    let goals = goals::judge(&figures);
    let text = page::write(&figures, &goals, &throttle, rounds);
    println!("{text}");
    if rounds.are_enough() {
        std::fs::write(page, text)?;
        readme(&page::summary(&figures))?;
    }
    Ok(())
}

/// Puts the summary where the README has a place for it.
fn readme(summary: &str) -> Result<(), Failed> {
    let path = workspace().join("README.md");
    let text = std::fs::read_to_string(&path)?;
    let place = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = place.ok_or("README.md has no place for the benchmark")?;
    Ok(std::fs::write(path, format!("{before}{BEGIN}\n{summary}{END}{after}"))?)
}
