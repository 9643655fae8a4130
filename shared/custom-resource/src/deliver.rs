//! The PUT that carries an answer to CloudFormation, and what its failures mean.

use std::time::Duration;

use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, IF_NONE_MATCH},
};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{ResponseUrl, obstacle::broken};

/// How long before Lambda's deadline even the delivery of an answer stops.
pub(crate) const LAST_MOMENT: Duration = Duration::from_millis(500);

/// One try: S3 answers in tens of milliseconds, or this one is lost.
const TRY: Duration = Duration::from_secs(3);

/// The bounds of the random pause between two tries: below the first it starts, above the second it doesn't grow.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The code stands near the beginning of S3's errors, which have less than a kilobyte.
const LONGEST_ERROR: usize = 4096;
const LONGEST_CODE: usize = 64;

/// Why nobody has the answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undelivered {
    /// The URL has expired or was altered, or the bucket refuses: another try would end the same.
    #[error("the answer was refused with HTTP status {0}")]
    Refused(u16),
    /// Tried until the time was up.
    #[error("the answer was tried {tries} times, the last ended with: {last}")]
    TimeUp {
        /// How often it was sent.
        tries: u32,
        /// What the last try ended with.
        last: String,
    },
}

/// How one try ended, if not well.
enum Failure {
    Final(u16),
    Passing(String),
}

/// PUTs `body` to `url` until it is there or `until` has come. Returns the number of tries.
///
/// # Errors
/// See [`Undelivered`].
pub(crate) async fn deliver(http: &Client, url: &ResponseUrl, body: &str, until: Instant) -> Result<u32, Undelivered> {
    persist(async || sent(put(http, url, body)).await, until).await
}

/// Whose answer CloudFormation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// This one.
    Now,
    /// One that was there before.
    Before,
}

/// The same, unless there is an answer already: S3 looks, and stores, in one step.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
///
/// # Errors
/// See [`Undelivered`].
pub(crate) async fn deliver_first(
    http: &Client,
    url: &ResponseUrl,
    body: &str,
    until: Instant,
) -> Result<Delivered, Undelivered> {
    let conditional = async || sent(put(http, url, body).header(IF_NONE_MATCH, "*")).await;
    first(conditional, async || sent(put(http, url, body)).await, until).await
}

/// A condition that can't be judged, or that the URL's signature doesn't allow for, is refused. So what is refused is
/// tried without it: a second answer is a lesser evil than none.
async fn first(
    conditional: impl AsyncFn() -> Result<(), Failure>,
    plain: impl AsyncFn() -> Result<(), Failure>,
    until: Instant,
) -> Result<Delivered, Undelivered> {
    match persist(conditional, until).await {
        Ok(_) => Ok(Delivered::Now),
        Err(Undelivered::Refused(412)) => Ok(Delivered::Before),
        Err(Undelivered::Refused(_)) => persist(plain, until).await.map(|_| Delivered::Now),
        Err(time_up) => Err(time_up),
    }
}

/// Tries again after what may pass: a server's own error, and a connection that failed. A PUT of the same bytes to the
/// same place can't do harm twice.
async fn persist(put: impl AsyncFn() -> Result<(), Failure>, until: Instant) -> Result<u32, Undelivered> {
    let mut last = String::new();
    let mut pause = FIRST_PAUSE;
    for tries in 1.. {
        let end = until.min(Instant::now() + TRY);
        match timeout_at(end, put()).await {
            Ok(Ok(())) => return Ok(tries),
            Ok(Err(Failure::Final(status))) => return Err(Undelivered::Refused(status)),
            Ok(Err(Failure::Passing(what))) => last = what,
            Err(_) => "no answer in time".clone_into(&mut last),
        }
        let next = Instant::now() + pause.mul_f64(fastrand::f64());
        pause = (pause * 2).min(LONGEST_PAUSE);
        if next >= until {
            return Err(Undelivered::TimeUp { tries, last });
        }
        tracing::warn!(tries, %last, "the answer is tried again");
        sleep_until(next).await;
    }
    Err(Undelivered::TimeUp { tries: u32::MAX, last })
}

fn put(http: &Client, url: &ResponseUrl, body: &str) -> RequestBuilder {
    // The URL was signed for a request without a content type.
    http.put(url.expose().clone()).header(CONTENT_TYPE, "").body(body.to_owned())
}

async fn sent(request: RequestBuilder) -> Result<(), Failure> {
    match request.send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => {
            let status = response.status();
            let code = code_of(response).await;
            if may_pass(status, &code) {
                Err(Failure::Passing(format!("HTTP status {} {code}", status.as_u16()).trim_end().to_owned()))
            } else {
                Err(Failure::Final(status.as_u16()))
            }
        }
        // What reqwest says may quote the URL.
        Err(error) => Err(Failure::Passing(broken(Some(&error.without_url())))),
    }
}

/// S3's code for an error, such as `SlowDown`, from the beginning of the body; empty if there is none. The rest of the body
/// may quote the URL.
async fn code_of(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < LONGEST_ERROR
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend(chunk);
    }
    code_in(&String::from_utf8_lossy(&body)).unwrap_or_default().to_owned()
}

fn code_in(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (!code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(|c| c.is_ascii_alphanumeric())).then_some(code)
}

/// What S3 may take a moment later: an error of its own, too many requests, a conflict with another PUT at the same time, and
/// a connection that was too slow, which S3 answers with status 400. Not what it will never do.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn may_pass(status: StatusCode, code: &str) -> bool {
    match status {
        StatusCode::BAD_REQUEST => code == "RequestTimeout",
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => false,
        status => status.is_server_error(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A server that answers each try with the next of `answers`, and the last one for ever. `None` never answers.
    async fn against(
        answers: &[Option<Result<u16, &'static str>>],
        budget: Duration,
    ) -> (Result<u32, Undelivered>, u32) {
        let tries = RefCell::new(0_usize);
        let put = async || {
            let answer = answers[(*tries.borrow()).min(answers.len() - 1)];
            *tries.borrow_mut() += 1;
            match answer {
                None => std::future::pending().await,
                Some(Ok(200)) => Ok(()),
                Some(Ok(status)) if status >= 500 => Err(Failure::Passing(format!("HTTP status {status}"))),
                Some(Ok(status)) => Err(Failure::Final(status)),
                Some(Err(what)) => Err(Failure::Passing(what.to_owned())),
            }
        };
        let ended = persist(put, Instant::now() + budget).await;
        (ended, u32::try_from(tries.into_inner()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_there_is_sent_once() {
        assert_eq!(against(&[Some(Ok(200))], Duration::from_secs(10)).await, (Ok(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_s_error_and_a_lost_connection_are_tried_again() {
        let answers = [Some(Ok(500)), Some(Err("no connection")), None, Some(Ok(503)), Some(Ok(200))];
        assert_eq!(against(&answers, Duration::from_secs(10)).await, (Ok(5), 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        assert_eq!(against(&[Some(Ok(403))], Duration::from_secs(10)).await, (Err(Undelivered::Refused(403)), 1));
    }

    #[test]
    fn what_s3_may_take_a_moment_later_is_tried_again_and_nothing_else() {
        for (status, code, passes) in [
            (500, "InternalError", true),
            (502, "", true),
            (503, "SlowDown", true),
            (503, "ServiceUnavailable", true),
            (504, "", true),
            (400, "RequestTimeout", true),
            (408, "", true),
            (409, "OperationAborted", true),
            (409, "ConditionalRequestConflict", true),
            (429, "TooManyRequests", true),
            (400, "", false),
            (400, "AuthorizationQueryParametersError", false),
            (301, "PermanentRedirect", false),
            (403, "AccessDenied", false),
            (403, "RequestTimeout", false),
            (404, "NoSuchBucket", false),
            (412, "PreconditionFailed", false),
            (501, "NotImplemented", false),
            (505, "", false),
        ] {
            assert_eq!(may_pass(StatusCode::from_u16(status).unwrap(), code), passes, "{status} {code}");
        }
    }

    #[test]
    fn a_code_is_read_from_an_error_of_s3_and_from_nothing_else() {
        let error = |code: &str| {
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>Idle.</Message></Error>"
            )
        };
        assert_eq!(code_in(&error("RequestTimeout")), Some("RequestTimeout"));
        for body in [
            &error(""),
            &error("https://x?Signature=s3cret"),
            &error(&"x".repeat(65)),
            "<Code>RequestTimeout",
            "",
            "<html>",
        ] {
            assert_eq!(code_in(body), None, "{body}");
        }
    }

    /// What becomes of an answer to a server that ends a PUT with the condition so, and one without it like that.
    async fn first_against(conditional: Result<u16, u16>, plain: Result<u16, u16>) -> Result<Delivered, Undelivered> {
        let put = |end: Result<u16, u16>| async move || end.map(drop).map_err(Failure::Final);
        first(put(conditional), put(plain), Instant::now() + Duration::from_secs(10)).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_delivered_is_not_repeated() {
        assert_eq!(first_against(Ok(200), Err(403)).await, Ok(Delivered::Now));
        assert_eq!(first_against(Err(412), Ok(200)).await, Ok(Delivered::Before));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_know_the_condition_gets_the_answer_without_it() {
        for status in [400, 403, 501] {
            assert_eq!(first_against(Err(status), Ok(200)).await, Ok(Delivered::Now), "{status}");
        }
        assert_eq!(first_against(Err(403), Err(403)).await, Err(Undelivered::Refused(403)));
    }

    #[tokio::test(start_paused = true)]
    async fn delivery_ends_before_its_time_is_up_whatever_the_server_does() {
        for silent in [None, Some(Ok(500)), Some(Err("no connection"))] {
            let start = Instant::now();
            let (ended, tries) = against(&[silent], Duration::from_millis(9500)).await;
            assert!(matches!(ended, Err(Undelivered::TimeUp { .. })));
            assert!(start.elapsed() <= Duration::from_millis(9500), "{:?}", start.elapsed());
            assert!(tries >= 3, "{tries} tries for {silent:?}");
        }
    }
}
