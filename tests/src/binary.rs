//! A handler's binary put under the simulator, with a response URL for each event.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::cloudformation::{Event, Handler, Put};
pub use crate::files::{built, example, workspace};
use crate::function::Function;
use crate::response_server::{Reaction, ResponseServer, ResponseUrl};

/// A function and the server that takes its answers.
#[derive(Debug)]
pub struct Binary {
    /// The function.
    pub function: Function,
    /// The server behind its response URLs.
    pub responses: ResponseServer,
    script: Vec<Reaction>,
    urls: Mutex<HashMap<u64, (ResponseUrl, usize)>>,
}

impl Binary {
    /// Puts a function under a simulator; `RESPONSE_HOSTS` of the function must hold the server's origin.
    #[must_use]
    pub fn new(function: Function, responses: ResponseServer) -> Self {
        Self { function, responses, script: Vec::new(), urls: Mutex::default() }
    }

    /// Lets the first PUTs to each URL meet these reactions.
    #[must_use]
    pub fn scripted(mut self, script: impl IntoIterator<Item = Reaction>) -> Self {
        self.script = script.into_iter().collect();
        self
    }

    /// The URL of an event, the same for each of its deliveries.
    pub fn url(&self, event: &Event) -> ResponseUrl {
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        let (url, _) = urls.entry(event.serial).or_insert_with(|| (self.responses.scripted(self.script.clone()), 0));
        url.clone()
    }

    /// The URLs of all events so far.
    pub fn urls(&self) -> Vec<ResponseUrl> {
        let urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        urls.values().map(|(url, _)| url.clone()).collect()
    }
}

impl Handler for Binary {
    async fn handle(&self, event: &Event) -> Vec<Put> {
        let url = self.url(event);
        self.function.invoke(&event.to_json(url.as_str())).await;
        self.function.settled().await;
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        let puts = url.puts();
        let taken = urls.get_mut(&event.serial).map_or(0, |(_, taken)| std::mem::replace(taken, puts.len()));
        puts[taken..].to_vec()
    }
}
