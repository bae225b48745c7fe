//! Drains that pass events on: one stamps them, one answers for errors. In and out: events.

use std::fmt::Display;
use std::io::Write;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{SecondsFormat, Utc};
use slog::{BorrowedKV, Drain, OwnedKVList, Record, RecordStatic, b};

use super::line::TIME;

pub(super) use slog::Never;

/// Adds `ts` where the event is logged: behind the queue it would be the time of writing.
pub(super) struct Stamped<D>(pub(super) D);

impl<D: Drain> Drain for Stamped<D> {
    type Ok = D::Ok;
    type Err = D::Err;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<D::Ok, D::Err> {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let place = RecordStatic { location: record.location(), tag: record.tag(), level: record.level() };
        let keys = record.kv();
        let stamp = b!(TIME => now);
        self.0.log(&Record::new(&place, record.msg(), BorrowedKV(&(keys, stamp))), values)
    }
}

/// An error of the inner drain is told to standard error, and never to the caller: logging must not stop trading.
/// The first error is told, then the second, fourth, eighth: a full disk does not flood the terminal.
pub(super) struct Reported<D> {
    inner: D,
    name: &'static str,
    errors: AtomicU64,
}

impl<D> Reported<D> {
    pub(super) fn new(inner: D, name: &'static str) -> Self {
        Self { inner, name, errors: AtomicU64::new(0) }
    }

    fn report(&self, error: &dyn Display) {
        let errors = self.errors.fetch_add(1, Ordering::Relaxed) + 1;
        if errors.is_power_of_two() {
            // If standard error is closed too, there is nobody left to tell.
            writeln!(std::io::stderr(), "{}: {errors} log events could not be written: {error}", self.name).ok();
        }
    }
}

// An error leaves the counter and the inner drain as usable as before.
impl<D: UnwindSafe> UnwindSafe for Reported<D> {}
impl<D: RefUnwindSafe> RefUnwindSafe for Reported<D> {}

impl<D: Drain> Drain for Reported<D>
where
    D::Err: Display,
{
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if let Err(error) = self.inner.log(record, values) {
            self.report(&error);
        }
        Ok(())
    }

    fn is_enabled(&self, level: slog::Level) -> bool {
        self.inner.is_enabled(level)
    }
}
