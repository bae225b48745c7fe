//! Streams as the tick path wants them: the items that are there, several at a time; several streams as one.
//! In: streams. Out: a stream. Absent: what the items are.
//!
//! Unlike those of `futures`, [`Ready`] takes memory for what has come and not for what could come (order messages are
//! kilobytes long), and [`Merged`] takes none at all for an item.

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

/// Several streams as one, which ends with the last of them. Items of one stream stay in order.
pub(super) struct Merged<S> {
    streams: Vec<S>,
    /// The one that is asked first, and how many items in a row it has given.
    at: usize,
    in_row: usize,
}

/// Items in a row from one stream before the others are asked.
const IN_ROW_MAX: usize = 32;

impl<S> Merged<S> {
    pub fn new(streams: Vec<S>) -> Self {
        Self { streams, at: 0, in_row: 0 }
    }

    fn go_to(&mut self, at: usize) {
        self.at = if at < self.streams.len() { at } else { 0 };
        self.in_row = 0;
    }
}

impl<S: Stream + Unpin> Stream for Merged<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if self.in_row >= IN_ROW_MAX {
            let next = self.at + 1;
            self.go_to(next);
        }
        let mut silent = 0;
        while silent < self.streams.len() {
            let at = self.at;
            match Pin::new(&mut self.streams[at]).poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    self.in_row += 1;
                    return Poll::Ready(Some(item));
                }
                Poll::Ready(None) => {
                    self.streams.remove(at);
                    self.go_to(at);
                }
                Poll::Pending => {
                    silent += 1;
                    self.go_to(at + 1);
                }
            }
        }
        // The next round begins where every round begins: what happens depends on what has come, not on how often this
        // was asked.
        self.go_to(0);
        if self.streams.is_empty() { Poll::Ready(None) } else { Poll::Pending }
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

    #[test]
    fn streams_take_turns_and_the_last_one_ends_the_whole() {
        let many = |from: usize| stream::iter(from..from + IN_ROW_MAX + 1).boxed();
        let merged = Merged::new(vec![many(0), stream::empty().boxed(), many(1_000)]);
        let items: Vec<usize> = merged.collect().now_or_never().expect("nothing is waited for");
        let first = items.iter().position(|&n| n >= 1_000);
        assert_eq!(first, Some(IN_ROW_MAX), "the first stream does not keep the others waiting");
        assert_eq!(items.len(), 2 * (IN_ROW_MAX + 1));
        assert!(items.iter().filter(|&&n| n < 1_000).is_sorted() && items.iter().filter(|&&n| n >= 1_000).is_sorted());
    }

    #[test]
    fn a_silent_stream_does_not_hide_one_that_speaks() {
        let silent = stream::pending().boxed();
        let mut merged = Merged::new(vec![silent, stream::iter([1, 2]).chain(stream::pending()).boxed()]);
        assert_eq!(merged.next().now_or_never(), Some(Some(1)));
        assert_eq!(merged.next().now_or_never(), Some(Some(2)));
        assert_eq!(merged.next().now_or_never(), None);
        assert_eq!(Merged::<stream::Empty<()>>::new(Vec::new()).next().now_or_never(), Some(None));
    }
}
