//! A gate on the way of messages: while it is shut they wait, in order, and when it opens all of them pass at once.
//! In: open, shut. Out: a stream or a wait that ends when the gate is open. Absent: when to open it; see `pace`.
//!
//! A replay at the client's pace is the same every time only if what comes over the socket does not run against what
//! is on its way between the actors.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures::Stream;

/// Open until somebody shuts it.
#[derive(Default)]
pub(super) struct Gate {
    shut: Cell<bool>,
    /// Something passed since this was asked last.
    moved: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Gate {
    pub fn open(&self) {
        self.shut.set(false);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    pub fn shut(&self) {
        self.shut.set(true);
    }

    /// Has anything passed since the last call?
    pub fn take_moved(&self) -> bool {
        self.moved.take()
    }

    fn poll_open(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.shut.get() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Waits until it is open.
    pub async fn passed(&self) {
        poll_fn(|cx| self.poll_open(cx)).await;
    }
}

/// A stream behind a gate.
pub(super) struct Gated<S> {
    gate: Rc<Gate>,
    stream: S,
}

impl<S> Gated<S> {
    pub fn new(gate: Rc<Gate>, stream: S) -> Self {
        Self { gate, stream }
    }
}

impl<S: Stream + Unpin> Stream for Gated<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if self.gate.poll_open(cx).is_pending() {
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.stream).poll_next(cx);
        if next.is_ready() {
            self.gate.moved.set(true);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt, stream};

    use super::*;

    #[test]
    fn what_waits_at_a_shut_gate_passes_in_order_when_it_opens() {
        let gate = Rc::new(Gate::default());
        let mut numbers = Gated::new(gate.clone(), stream::iter([1, 2, 3])).ready_chunks(8);
        gate.shut();
        assert_eq!(numbers.next().now_or_never(), None, "nothing passes");
        assert_eq!(gate.passed().now_or_never(), None);
        assert!(!gate.take_moved());
        gate.open();
        assert_eq!(numbers.next().now_or_never(), Some(Some(vec![1, 2, 3])));
        assert!(gate.take_moved() && !gate.take_moved());
        assert_eq!(gate.passed().now_or_never(), Some(()));
    }
}
