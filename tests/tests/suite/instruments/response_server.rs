//! The response server takes what S3 would take, and fails as it is told.

use std::time::Duration;

use archipelago_tests::response_server::{Reaction, ResponseServer};
use reqwest::Client;

fn client() -> Client {
    archipelago_tests::http::client()
}

#[tokio::test]
async fn a_put_is_recorded_with_its_headers_and_bytes() {
    let server = ResponseServer::start().await;
    let url = server.url();
    let sent = client().put(url.as_str()).header("content-type", "").body("{\"ü\":1}").send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let puts = url.puts();
    assert_eq!(puts.len(), 1);
    assert_eq!(puts[0].body, "{\"ü\":1}".as_bytes());
    assert_eq!(puts[0].headers.get("content-length"), Some("8"));
    assert_eq!(puts[0].headers.get("content-type"), Some(""));
}

#[tokio::test]
async fn a_script_is_followed_to_its_end_and_then_all_is_well() {
    let server = ResponseServer::start().await;
    let url = server.scripted([Reaction::Status(500), Reaction::Status(403)]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client().put(url.as_str()).body("{}").send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [500, 403, 200]);
    assert_eq!(url.puts().iter().map(|put| put.status).collect::<Vec<_>>(), statuses);
}

#[tokio::test]
async fn a_url_whose_query_was_altered_is_refused() {
    let server = ResponseServer::start().await;
    let url = server.url();
    let altered = url.as_str().replace("Expires=7200", "Expires=9999");
    assert_eq!(client().put(altered).body("{}").send().await.unwrap().status(), 403);
    assert!(!url.puts()[0].stored());
}

#[tokio::test]
async fn a_put_can_meet_silence_or_a_cut_connection() {
    let server = ResponseServer::start().await;
    let url = server.scripted([Reaction::Silence, Reaction::Cut]);
    let silent = client().put(url.as_str()).timeout(Duration::from_millis(200)).body("{}").send().await;
    assert!(silent.unwrap_err().is_timeout());
    let cut = client().put(url.as_str()).body("{}").send().await;
    assert!(!cut.unwrap_err().is_timeout());
    assert_eq!(url.puts().len(), 2);
    assert!(!url.puts().iter().any(archipelago_tests::cloudformation::Put::stored));
}

#[tokio::test]
async fn two_urls_know_nothing_of_each_other() {
    let server = ResponseServer::start().await;
    let (one, other) = (server.url(), server.url());
    assert_ne!(one.signature(), other.signature());
    client().put(one.as_str()).body("{}").send().await.unwrap();
    assert_eq!((one.puts().len(), other.puts().len()), (1, 0));
}

#[tokio::test]
async fn a_put_that_wants_to_be_the_first_is_refused_if_it_is_not() {
    let server = ResponseServer::start().await;
    let url = server.scripted([Reaction::Status(500)]);
    let put = || client().put(url.as_str()).header("if-none-match", "*").body("{}").send();
    for status in [500, 200, 412] {
        assert_eq!(put().await.unwrap().status(), status);
    }
    assert_eq!(client().put(url.as_str()).body("{}").send().await.unwrap().status(), 200);
}
