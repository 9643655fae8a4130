//! Types whose values serde reads into a buffer first, and how they are known.

use std::any::type_name;

/// Said of a type whose values serde reads into a buffer first. Out of that it would read them by rules of its own: no number from a
/// string, and whatever properties there are.
pub(super) const BUFFERED: &str = "a defect in this function: it reads this property as a type with #[serde(flatten)], #[serde(untagged)] \
                                   or #[serde(tag)] without content, which custom-resource can't";

/// Whether `V` is a visitor of serde's own that keeps what it sees, for one of these types. (Nothing else tells; a test has each.)
pub(super) fn is_buffer<V>() -> bool {
    let name = without_parameters(type_name::<V>());
    name.starts_with("serde") && name.ends_with("ContentVisitor")
}

/// Whether `V` is the visitor of a struct or a variant that serde derives.
pub(super) fn is_derived<V>() -> bool {
    without_parameters(type_name::<V>()).ends_with("::__Visitor")
}

/// `a::B` of `a::B<c::D<'_>>`
fn without_parameters(name: &str) -> &str {
    let mut depth = 0;
    let opens = |&(_, c): &(usize, char)| {
        depth += i32::from(c == '>') - i32::from(c == '<');
        depth == 0
    };
    let end = name.char_indices().rev().find(opens).filter(|(_, c)| *c == '<').map_or(name.len(), |(at, _)| at);
    &name[..end]
}
