//! The items of a stream that are there, several at a time. In: a stream. Out: each time all that is ready.
//! Unlike `futures`' own it takes memory for what has come and not for what could come: order messages are kilobytes
//! long, and an allocation of a hundred of them for each one costs more than handling it.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::{Fuse, StreamExt};

pub(super) struct Ready<S: Stream> {
    stream: Fuse<S>,
    at_most: usize,
}

impl<S: Stream> Ready<S> {
    /// `at_most` greater than zero.
    pub fn new(stream: S, at_most: usize) -> Self {
        assert!(at_most > 0, "a chunk of nothing");
        Self { stream: stream.fuse(), at_most }
    }
}

impl<S: Stream + Unpin> Stream for Ready<S> {
    type Item = Vec<S::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut items = Vec::new();
        while items.len() < self.at_most {
            match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Ready(Some(item)) => items.push(item),
                Poll::Ready(None) if items.is_empty() => return Poll::Ready(None),
                Poll::Pending if items.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Some(items))
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, stream};
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn what_is_there_comes_at_once_and_no_more_than_asked_for() {
        let mut chunks = Ready::new(stream::iter(1..=5), 2);
        assert_eq!(chunks.next().now_or_never(), Some(Some(vec![1, 2])));
        assert_eq!(chunks.next().now_or_never(), Some(Some(vec![3, 4])));
        assert_eq!(chunks.next().now_or_never(), Some(Some(vec![5])));
        assert_eq!(chunks.next().now_or_never(), Some(None));
        assert_eq!(chunks.next().now_or_never(), Some(None), "its end is told again");
    }

    #[test]
    fn an_item_does_not_wait_for_the_next_one() {
        let (to, mut from) = mpsc::unbounded_channel();
        let mut chunks = Ready::new(stream::poll_fn(move |cx| from.poll_recv(cx)), 8);
        assert_eq!(chunks.next().now_or_never(), None);
        to.send(1).expect("the receiver lives");
        assert_eq!(chunks.next().now_or_never(), Some(Some(vec![1])));
        assert_eq!(chunks.next().now_or_never(), None);
    }
}
