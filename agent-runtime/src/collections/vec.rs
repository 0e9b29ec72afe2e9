//! A vector with at least one item.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::Empty;

/// A vector with at least one item. As JSON it is an array, and an empty one is refused.
///
/// ```
/// use skreaver::NonEmptyVec;
///
/// let mut models = NonEmptyVec::new("small");
/// models.push("large");
/// assert_eq!(*models.first(), "small");
/// assert!(NonEmptyVec::<u8>::try_from(Vec::new()).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", into = "Vec<T>", bound(serialize = "T: Clone + Serialize"))]
pub struct NonEmptyVec<T>(Vec<T>);

impl<T> NonEmptyVec<T> {
    /// A vector with one item.
    pub fn new(first: T) -> Self {
        Self(vec![first])
    }

    /// The first item.
    pub fn first(&self) -> &T {
        self.0.first().expect("it is never empty")
    }

    /// The last item.
    pub fn last(&self) -> &T {
        self.0.last().expect("it is never empty")
    }

    /// The item at a place, from 0 on.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index)
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: T) {
        self.0.push(item);
    }

    /// How many items there are.
    pub fn len(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0.len()).expect("it is never empty")
    }

    /// The items in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// As many other items.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> NonEmptyVec<U> {
        NonEmptyVec(self.0.into_iter().map(make).collect())
    }
}

impl<T> TryFrom<Vec<T>> for NonEmptyVec<T> {
    type Error = Empty;

    fn try_from(items: Vec<T>) -> Result<Self, Empty> {
        if items.is_empty() { Err(Empty) } else { Ok(Self(items)) }
    }
}

impl<T> From<NonEmptyVec<T>> for Vec<T> {
    fn from(items: NonEmptyVec<T>) -> Self {
        items.0
    }
}

impl<T> AsRef<[T]> for NonEmptyVec<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl<T> IntoIterator for NonEmptyVec<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a NonEmptyVec<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_a_first_and_a_last_item_however_it_came_to_be() {
        let mut items = NonEmptyVec::new(1);
        assert_eq!((items.first(), items.last(), items.len().get()), (&1, &1, 1));
        items.push(2);
        assert_eq!((items.first(), items.last(), items.get(2)), (&1, &2, None));
        assert_eq!(Vec::from(items.map(|item| item * 10)), [10, 20]);
        assert_eq!(NonEmptyVec::<u8>::try_from(Vec::new()), Err(Empty));
    }

    #[test]
    fn as_json_it_is_an_array_and_never_an_empty_one() {
        let items: NonEmptyVec<u8> = serde_json::from_str("[1, 2]").unwrap();
        assert_eq!(serde_json::to_string(&items).unwrap(), "[1,2]");
        let refused = serde_json::from_str::<NonEmptyVec<u8>>("[]").unwrap_err();
        assert!(refused.to_string().contains("at least one"), "{refused}");
    }
}
