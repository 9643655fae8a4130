//! The page: goals, tables, chains, and how it was measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::figures::{Figure, Figures, Rounds, Times, median};
use crate::goals::{Goal, MEGABYTE, bytes};
use crate::machine;
use crate::processor::{SHARE, Throttle};
use crate::stage::DELAY;
use crate::subject::LEAN;

/// Why each call waits for the one before.
const SHORTEST: &str = "
Why they aren't shorter:

- **Statements.** The request is noted with its wish, the lease is asked for and the policy is read at once; a policy that
  somebody else may have written meanwhile is read again. What is about to be written is noted in the lease before the write,
  so that the next holder knows of a write whose end nobody saw. The look afterwards comes before the answer and the release
  of the lease, which are under way together, so that the next holder reads what this one wrote. A key is asked for before that: its id is
  what the lease is on, and what a stack of another account is checked by.
- **Accounts.** Requests under way are listed before the accounts: the other way round, an account that got ready in between
  would be in neither list, and be made twice. The role in an account is tried once it is known that this is the account.
- **Units.** Each level is named by the id of the one above it.
- **Shares.** A principal's associations are listed before the tags that say who added it: the other way round, one that
  another stack adds in between would be taken for one that was always there. Tags are written before what they tell of is
  done. RAM is looked at again after each change, since it only begins what it is asked for.
- **Writes** follow each other everywhere: after one that is refused there is to be no other, and Organizations refuses one
  while another is under way.
";

/// The whole text, in Markdown.
pub(crate) fn write(figures: &Figures<'_>, goals: &[Goal], throttle: &Throttle, rounds: Rounds) -> String {
    let mut page = String::from(
        "# Benchmark\n\n`make bench` wrote this page. Compare within it only: nothing ran in Lambda, whose own start comes \
         on top for everybody.\n\n",
    );
    let _ = writeln!(page, "{}.\n", machine::described());
    page.push_str("## Goals\n\nEach for the worst of our functions; ratios are those of medians.\n\n");
    table(
        &mut page,
        &["found", "", "goal", "of", ""],
        goals.iter().map(|goal| {
            let reached = if goal.is_reached() { "reached" } else { "**missed**" };
            [format!("{:.1}", goal.found), goal.says.to_owned(), goal.limit(), goal.of.clone(), reached.to_owned()]
        }),
    );
    page.push_str(
        "\n## First events, and later ones\n\nMedians in ms; MB are 2^20 bytes, as Lambda counts them. *init*: from the start of the process \
         to its first question for an event; *cold*: from the start to the answer in S3; *processor*: time on a core until \
         then; *warm*: from an event to its answer; *128 MB*: as *cold*, for a process that has ",

    );
    let _ = writeln!(page, "{SHARE:.3} of a core after its init.\n");
    let heads = [
        "",
        "calls",
        "http: init",
        "cold",
        "warm",
        "https: init",
        "cold",
        "processor",
        "warm",
        "128 MB",
        "memory",
        "size",
        "zip",
    ];
    table(&mut page, &heads, figures.0.iter().map(row));
    page.push_str(
        "\nOurs open their connections to AWS in their init, if they have TLS; that to a bucket, whose name is in its host, \
         and that for the answer are opened by the event. What a statement takes beyond `lean` are calls for the most part: `lean` \
         makes two of them. `s3-policy-statement` is 0.7 MB larger for the checksum of one \
         call: the SDK computes it by `crc-fast`, which brings tables for every CRC that there is \
         (<https://github.com/awesomized/crc-fast-rust/issues/61>). They are never read, so \
         they take no memory.\n\n",
    );
    page.push_str(&growth(figures));
    let _ = write!(
        page,
        "\n## Chains\n\nWith {} ms a call: the calls of an operation, those that wait for nobody joined by `+`; *ms*: from \
         the event to its answer, in a process that has its connections, without the pauses (`…`) in which AWS itself is \
         waited for.\n\n",
        DELAY.as_millis()
    );
    table(&mut page, &["", "", "chain", "ms", "calls one after the other"], figures.ours().flat_map(chains));
    page.push_str(SHORTEST);
    let _ = write!(
        page,
        "\n## Many statements at once\n\nCreated at once in one policy, each by a process of its own, with {} ms a call: what each \
         takes of AWS's calls, and of the write units of `DynamoDB`.\n\n",
        DELAY.as_millis()
    );
    let heads = ["", "statements", "all are answered after, s", "calls for each", "write units for each"];
    table(&mut page, &heads, figures.ours().flat_map(crowds));
    page.push_str(&how(throttle, rounds));
    page
}

/// What becomes of a process that is asked again and again.
fn growth(figures: &Figures<'_>) -> String {
    let grown = |figure: &Figure<'_>| figure.growth.map_or(0.0, |growth| bytes(growth.grown) / 1024.0);
    let own = figures.ours().map(grown).fold(0.0, f64::max);
    let lean = figures.named(LEAN).map(grown).unwrap_or_default();
    format!(
        "From the hundredth event to the last a process grows by up to {own:.0} KiB, and `lean` by {lean:.0} KiB. Most of \
         the latter is the trace header: `lambda_runtime` puts it into a variable, from which the SDKs send it on so that Lambda \
         sees loops, and glibc keeps every value that a variable ever had. Ours hand it to the SDKs without a variable.\n"
    )
}

/// The same in a few lines: the worst of ours, in each column, beside the others.
pub(crate) fn summary(figures: &Figures<'_>) -> String {
    let mut summary = String::new();
    let cold = |figure: &Figure<'_>| figure.https.of(|cold| cold.answer);
    let throttled = |figure: &Figure<'_>| median(figure.throttled.clone());
    let own = figures.ours().map(cold).max().unwrap_or_default();
    let own_throttled = figures.ours().map(throttled).max().unwrap_or_default();
    let heads = ["", "first answer of a process, ms", "", "the same with 128 MB, ms", "", "memory, MB", "zip, MB"];
    let row = |name: &str, cold: Duration, throttled: Duration, peak: u64, zip: u64| {
        let ratio = |time: Duration, own: Duration| format!("{:.1} ×", time.as_secs_f64() / own.as_secs_f64());
        let (times, times_throttled) = (ratio(cold, own), ratio(throttled, own_throttled));
        [name.to_owned(), ms(cold), times, ms(throttled), times_throttled, megabytes(peak), megabytes(zip)]
    };
    let peak = figures.ours().map(Figure::peak).max().unwrap_or_default();
    let zip = figures.ours().map(|figure| figure.subject.zip).max().unwrap_or_default();
    let ours = row("the worst of ours", own, own_throttled, peak, zip);
    let peers = figures.0.iter().filter(|figure| !figure.subject.is_ours);
    let peers = peers.map(|peer| row(&peer.subject.name, cold(peer), throttled(peer), peer.peak(), peer.subject.zip));
    table(&mut summary, &heads, std::iter::once(ours).chain(peers));
    let _ = write!(summary, "\n{}.\n", machine::described());
    summary
}

fn row(figure: &Figure<'_>) -> [String; 13] {
    let scheme = |times: &Times| [ms(times.of(|cold| cold.init)), ms(times.of(|cold| cold.answer))];
    let [init, cold] = scheme(&figure.http);
    let [tls_init, tls_cold] = scheme(&figure.https);
    [
        figure.subject.name.clone(),
        figure.http.cold.last().map(|cold| cold.calls.to_string()).unwrap_or_default(),
        init,
        cold,
        ms(median(figure.http.warm.clone())),
        tls_init,
        tls_cold,
        ms(figure.https.of(|cold| cold.processor)),
        ms(median(figure.https.warm.clone())),
        ms(median(figure.throttled.clone())),
        megabytes(figure.peak()),
        megabytes(figure.subject.size),
        megabytes(figure.subject.zip),
    ]
}

fn chains<'a>(figure: &'a Figure<'_>) -> impl Iterator<Item = [String; 5]> + 'a {
    figure.operations.iter().map(|operation| {
        let chain = operation.chain();
        let mut groups: Vec<_> = chain.iter().map(|group| counted(group)).collect();
        let aside = operation.aside();
        groups.extend((!aside.is_empty()).then(|| format!("(the answer + {})", counted(&aside))));
        let pauses = "… ".repeat(operation.pauses().len());
        [
            figure.subject.name.clone(),
            operation.kind.to_owned(),
            chain.len().to_string(),
            ms(operation.time()),
            format!("{pauses}{}", groups.join(" → ")),
        ]
    })
}

fn crowds<'a>(figure: &'a Figure<'_>) -> impl Iterator<Item = [String; 5]> + 'a {
    figure.crowds.iter().map(|crowd| {
        [
            figure.subject.name.clone(),
            crowd.claims.to_string(),
            format!("{:.1}", crowd.time.as_secs_f64()),
            format!("{:.1}", crowd.calls_each()),
            format!("{:.1}", crowd.units_each()),
        ]
    })
}

/// `Two × 2 + One`
fn counted(group: &[&str]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for operation in group {
        *counts.entry(operation).or_default() += 1;
    }
    let times = |(operation, count): (&&str, &usize)| match count {
        1 => (*operation).to_owned(),
        count => format!("{operation} × {count}"),
    };
    counts.iter().map(times).collect::<Vec<_>>().join(" + ")
}

fn how(throttle: &Throttle, rounds: Rounds) -> String {
    format!(
        "\n## How\n\nThe functions are those that `sam build` deploys. All do the same kind of work: for the peers, and \
         `lean` in Rust, that is to read the policy of an ECR repository, to put a statement in, to write it, and to PUT \
         the answer; ours take and release a lease, write down what they are about to do, and look once more. `lean` is \
         as little as Rust with AWS's SDK takes. The peers in Python run under Lambda's own runtime client, crhelper and \
         boto3 with their defaults; that in Node.js on a loop of a few lines.\n\n{} cold starts and {} warm events each, \
         {} first events with the share of 128 MB, which {} keeps them to; the subjects take turns, round by round. (The \
         kernel lets a few milliseconds of work pass at once; so what counts is no less than the time on a core takes at that \
         share.) The life of a resource is looked at {} times. Each is a process of its own on one core; the Runtime API, a server for \
         the answers and a fake AWS with a port for each service are on the other, so that every service takes a \
         connection of its own. `subnet-share` and `subnet-share-principal` are measured by a Create that comes once more, \
         since the first one waits for RAM. The sources are in `tests/bench/`.\n",
        rounds.cold,
        rounds.cold * rounds.warm,
        rounds.throttled,
        throttle.name(),
        rounds.lives,
    )
}

fn table<const N: usize>(page: &mut String, heads: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let _ = writeln!(page, "| {} |\n|{}", heads.join(" | "), "---|".repeat(N));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
}

fn megabytes(number: u64) -> String {
    format!("{:.1}", bytes(number) / MEGABYTE)
}

fn ms(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 100.0 { format!("{milliseconds:.1}") } else { format!("{milliseconds:.0}") }
}
