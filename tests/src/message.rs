//! What goes over the wire: a request, and what it is answered with.

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, `PUT` and so on.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// What follows the question mark.
    pub query: Option<String>,
    /// Names in lower case, in the order they came.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Header names (lower case) and values, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// These headers; the names are in lower case.
    #[must_use]
    pub fn of<const N: usize>(headers: [(&str, String); N]) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The first header of that name; `name` is in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, headers and a body.
    Http(u16, Headers, Vec<u8>),
    /// The connection stays open and nothing is ever sent.
    Silence,
    /// The connection is closed before an answer.
    Cut,
}

impl Reply {
    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Http(status, Headers::default(), Vec::new())
    }

    /// A status with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = Headers::of([("content-type", "application/json".to_owned())]);
        Self::Http(status, headers, body.to_string().into_bytes())
    }
}
