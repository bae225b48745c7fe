//! Lays an event out as the keys of one JSON line, in the order in which a person reads them: `ts`, `level`, `msg`, the
//! event's own keys, the logger's keys, `target`. In: an event as it comes off the queue. Out: the same, laid out.

use std::fmt;

use slog::{BorrowedKV, Drain, KV, Key, OwnedKVList, Record, RecordStatic, Serializer, o};

/// The key under which [`super::drain::Stamped`] put the time.
pub(super) const TIME: &str = "ts";

/// A value taken off an event.
enum Taken {
    None,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

/// Keys with values in the order in which they are to be written.
#[derive(Default)]
struct Keys(Vec<(Key, Taken)>);

impl Keys {
    /// slog hands out the last key first.
    fn of(record: &Record<'_>, kv: &impl KV) -> Result<Self, slog::Error> {
        let mut keys = Keys::default();
        kv.serialize(record, &mut keys)?;
        keys.0.reverse();
        Ok(keys)
    }

    /// A key stands once: the first, which is nearest to the event, is what was meant.
    fn add(&mut self, (key, taken): (Key, Taken)) {
        if self.0.iter().all(|(known, _)| *known != key) {
            self.0.push((key, taken));
        }
    }

    fn push(&mut self, key: Key, taken: Taken) -> slog::Result {
        self.0.push((key, taken));
        Ok(())
    }
}

impl KV for Keys {
    fn serialize(&self, _: &Record<'_>, out: &mut dyn Serializer) -> slog::Result {
        for (key, taken) in &self.0 {
            let key = *key;
            match taken {
                Taken::None => out.emit_none(key)?,
                Taken::Bool(value) => out.emit_bool(key, *value)?,
                Taken::Signed(value) => out.emit_i64(key, *value)?,
                Taken::Unsigned(value) => out.emit_u64(key, *value)?,
                Taken::Float(value) => out.emit_f64(key, *value)?,
                Taken::Text(value) => out.emit_str(key, value)?,
            }
        }
        Ok(())
    }
}

macro_rules! take {
    ($($emit:ident($value:ty) => $taken:ident),+ $(,)?) => {
        $(fn $emit(&mut self, key: Key, value: $value) -> slog::Result {
            self.push(key, Taken::$taken(value.into()))
        })+
    };
}

impl Serializer for Keys {
    take! {
        emit_bool(bool) => Bool,
        emit_i8(i8) => Signed, emit_i16(i16) => Signed, emit_i32(i32) => Signed, emit_i64(i64) => Signed,
        emit_u8(u8) => Unsigned, emit_u16(u16) => Unsigned, emit_u32(u32) => Unsigned, emit_u64(u64) => Unsigned,
        emit_f32(f32) => Float, emit_f64(f64) => Float,
        emit_str(&str) => Text,
    }

    fn emit_usize(&mut self, key: Key, value: usize) -> slog::Result {
        self.push(key, Taken::Unsigned(value as u64))
    }

    fn emit_isize(&mut self, key: Key, value: isize) -> slog::Result {
        self.push(key, Taken::Signed(value as i64))
    }

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.push(key, Taken::None)
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.push(key, Taken::None)
    }

    /// Everything else that can be printed.
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.push(key, Taken::Text(value.to_string()))
    }
}

/// Lays each event out before the inner drain writes it.
pub(super) struct LaidOut<D>(pub(super) D);

impl<D: Drain<Ok = (), Err = std::io::Error>> Drain for LaidOut<D> {
    type Ok = ();
    type Err = std::io::Error;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), std::io::Error> {
        let (stamp, own): (Vec<_>, Vec<_>) =
            Keys::of(record, &record.kv())?.0.into_iter().partition(|(key, _)| *key == TIME);
        let text = |key: Key, value: String| (key, Taken::Text(value));
        let mut line = Keys(stamp);
        line.add(text("level", record.level().as_str().to_ascii_lowercase()));
        line.add(text("msg", record.msg().to_string()));
        own.into_iter().for_each(|key| line.add(key));
        Keys::of(record, values)?.0.into_iter().for_each(|key| line.add(key));
        // Events of libraries all come through one place of ours; their own module is in the tag.
        let target = if record.tag().is_empty() { record.module() } else { record.tag() };
        line.add(text("target", target.to_owned()));
        let place = RecordStatic { location: record.location(), tag: record.tag(), level: record.level() };
        self.0.log(&Record::new(&place, record.msg(), BorrowedKV(&line)), &o!().into())
    }
}
