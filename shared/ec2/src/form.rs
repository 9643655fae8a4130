//! A request's parameters, written as a form.

use url::form_urlencoded::Serializer;

/// The one version of the API.
const VERSION: &str = "2016-11-15";

/// The parameters of a call, without its name. The members of a list are numbered from 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Adds a parameter.
    pub(crate) fn with(mut self, name: impl Into<String>, value: &str) -> Self {
        self.0.push((name.into(), value.to_owned()));
        self
    }

    /// Adds a list: `ResourceId.1`, `ResourceId.2` and so on.
    pub(crate) fn list(self, name: &str, values: &[String]) -> Self {
        (1..).zip(values).fold(self, |form, (number, value)| form.with(format!("{name}.{number}"), value))
    }

    /// Adds filters: `Filter.1.Name`, `Filter.1.Value.1` and so on.
    pub(crate) fn filters(self, filters: &[(&str, &[String])]) -> Self {
        (1..).zip(filters).fold(self, |form, (number, (name, values))| {
            form.with(format!("Filter.{number}.Name"), name).list(&format!("Filter.{number}.Value"), values)
        })
    }

    /// Adds tags: `Tag.1.Key`, `Tag.1.Value` and so on.
    pub(crate) fn tags(self, tags: &[(String, String)]) -> Self {
        (1..).zip(tags).fold(self, |form, (number, (key, value))| {
            form.with(format!("Tag.{number}.Key"), key).with(format!("Tag.{number}.Value"), value)
        })
    }

    /// The body of a request for `action`.
    pub(crate) fn written(&self, action: &str) -> String {
        Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", VERSION)
            .extend_pairs(&self.0)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_members_of_lists_are_numbered() {
        let form = Form::default()
            .filters(&[("vpc-id", &texts(&["vpc-1", "vpc-2"])), ("state", &texts(&["available"]))])
            .list("ResourceId", &texts(&["subnet-1", "subnet-2"]))
            .tags(&[("Name".to_owned(), "app".to_owned()), ("stage".to_owned(), String::new())]);
        assert_eq!(
            form.written("Any"),
            "Action=Any&Version=2016-11-15&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.1.Value.2=vpc-2\
             &Filter.2.Name=state&Filter.2.Value.1=available&ResourceId.1=subnet-1&ResourceId.2=subnet-2\
             &Tag.1.Key=Name&Tag.1.Value=app&Tag.2.Key=stage&Tag.2.Value="
        );
    }

    #[test]
    fn what_a_form_would_take_for_its_own_is_escaped() {
        let form = Form::default().with("Value", "a&b=c+d e%/\u{fc}");
        assert!(form.written("Any").ends_with("&Value=a%26b%3Dc%2Bd+e%25%2F%C3%BC"), "{}", form.written("Any"));
    }
}
