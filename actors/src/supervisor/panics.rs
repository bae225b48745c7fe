//! Runs work that may panic, and says where it panicked. In: a closure. Out: its value, or a [`Panic`].
//! A process-wide hook records the place of a contained panic and stays quiet; any other panic goes to the
//! hook that was there before. Absent: deciding what happens next.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;
use std::{fmt, panic};

/// A panic that was contained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Panic {
    pub message: String,
    pub file: String,
    /// 0 when the place is unknown, because somebody replaced the panic hook.
    pub line: u32,
    /// Only with `RUST_BACKTRACE=1`.
    pub backtrace: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked at {}:{}: {}", self.file, self.line, self.message)
    }
}

thread_local! {
    /// Whether this thread is inside [`catch`].
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
    static RECORDED: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic in it ends here. The caller answers for what `work` left half-changed.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    install_hook();
    let outer = CONTAINED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    result.map_err(|payload| match payload.downcast::<Panic>() {
        // Contained once before, and raised again where it belongs.
        Ok(panic) => *panic,
        Err(payload) => RECORDED.take().unwrap_or_else(|| Panic {
            message: text_of(payload.as_ref()),
            file: "unknown".into(),
            line: 0,
            backtrace: None,
        }),
    })
}

/// Runs `work` to its end; a panic in it ends here, as in [`catch`].
pub(crate) async fn catch_in<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    let mut work = pin!(work);
    poll_fn(|cx| match catch(|| work.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is being torn down has no thread-locals left: then nothing contains it either.
            let contained = CONTAINED.try_with(Cell::get).unwrap_or(false);
            if !contained || !record(info) {
                previous(info);
            }
        }));
    });
}

/// Keeps the panic for [`catch`]. False when it should be printed: a second one before the first was caught is
/// about to abort the process, and nobody will read the record.
fn record(info: &PanicHookInfo<'_>) -> bool {
    RECORDED
        .try_with(|recorded| {
            let Ok(mut recorded) = recorded.try_borrow_mut() else {
                return false;
            };
            let second = recorded.is_some();
            if let Some(first) = recorded.replace(describe(info)) {
                eprintln!("the panic before the next one: {first}");
            }
            !second
        })
        .unwrap_or(false)
}

fn describe(info: &PanicHookInfo<'_>) -> Panic {
    let trace = std::backtrace::Backtrace::capture();
    let captured = trace.status() == std::backtrace::BacktraceStatus::Captured;
    Panic {
        message: text_of(info.payload()),
        file: info.location().map_or_else(|| "unknown".into(), |at| at.file().into()),
        line: info.location().map_or(0, |at| at.line()),
        backtrace: captured.then(|| trace.to_string()),
    }
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic whose payload is not text".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place() {
        let line = line!() + 1;
        let caught = catch(|| panic!("boom {}", 7)).expect_err("it panicked");
        assert_eq!((caught.message.as_str(), caught.line), ("boom 7", line));
        assert!(caught.file.ends_with("panics.rs"), "{}", caught.file);
        assert_eq!(catch(|| 5), Ok(5));
    }

    #[tokio::test]
    async fn a_panic_after_a_wait_is_told_too() {
        let work = async {
            tokio::task::yield_now().await;
            panic!("boom later")
        };
        assert_eq!(catch_in::<()>(work).await.expect_err("it panicked").message, "boom later");
        assert_eq!(catch_in(async { 5 }).await, Ok(5));
    }

    #[test]
    fn a_payload_that_is_not_text_is_said_to_be_so() {
        let caught = catch(|| panic::panic_any(7_u32)).expect_err("it panicked");
        assert_eq!(caught.message, "a panic whose payload is not text");
    }
}
