//! A queue with at least one item.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::Empty;

/// A queue with at least one item: first in, first out. Taking the last item takes the queue with it.
///
/// ```
/// use skreaver::NonEmptyQueue;
///
/// let mut queue = NonEmptyQueue::new("first");
/// queue.push("second");
/// let (first, rest) = queue.pop();
/// assert_eq!(first, "first");
/// let (second, rest) = rest.expect("there is another").pop();
/// assert_eq!((second, rest), ("second", None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", into = "Vec<T>", bound(serialize = "T: Clone + Serialize"))]
pub struct NonEmptyQueue<T>(VecDeque<T>);

impl<T> NonEmptyQueue<T> {
    /// A queue with one item.
    pub fn new(first: T) -> Self {
        Self(VecDeque::from([first]))
    }

    /// The item that is next.
    pub fn front(&self) -> &T {
        self.0.front().expect("it is never empty")
    }

    /// Adds an item behind all others.
    pub fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    /// Takes the item that is next. The rest is a queue as long as there is any.
    pub fn pop(mut self) -> (T, Option<Self>) {
        let front = self.0.pop_front().expect("it is never empty");
        (front, (!self.0.is_empty()).then_some(self))
    }

    /// How many items there are.
    pub fn len(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0.len()).expect("it is never empty")
    }

    /// The items, the next one first.
    pub fn iter(&self) -> std::collections::vec_deque::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T> TryFrom<Vec<T>> for NonEmptyQueue<T> {
    type Error = Empty;

    fn try_from(items: Vec<T>) -> Result<Self, Empty> {
        if items.is_empty() { Err(Empty) } else { Ok(Self(items.into())) }
    }
}

impl<T> From<NonEmptyQueue<T>> for Vec<T> {
    fn from(items: NonEmptyQueue<T>) -> Self {
        items.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_first_in_is_first_out() {
        let mut queue = NonEmptyQueue::new(0);
        (1..4).for_each(|item| queue.push(item));
        assert_eq!((queue.front(), queue.len().get()), (&0, 4));
        let mut popped = Vec::new();
        let mut rest = Some(queue);
        while let Some(queue) = rest {
            let (item, more) = queue.pop();
            popped.push(item);
            rest = more;
        }
        assert_eq!(popped, [0, 1, 2, 3]);
    }

    #[test]
    fn as_json_it_is_an_array_and_never_an_empty_one() {
        let queue: NonEmptyQueue<u8> = serde_json::from_str("[1, 2]").unwrap();
        assert_eq!(queue.iter().copied().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(serde_json::to_string(&queue).unwrap(), "[1,2]");
        assert!(serde_json::from_str::<NonEmptyQueue<u8>>("[]").is_err());
    }
}
