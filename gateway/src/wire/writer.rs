//! Writes NUL-terminated text fields. In: typed values. Out: bytes appended to a buffer.
//! Doubles are in Java's form, unset values are empty fields, sizes are decimal strings.

use std::io::Write;

use crate::wire::UNSET_DOUBLE;

pub struct TextWriter<'a> {
    out: &'a mut Vec<u8>,
    pub version: i32,
}

const VEC: &str = "writing to a vector cannot fail";

impl<'a> TextWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>, version: i32) -> Self {
        Self { out, version }
    }

    /// A NUL inside the value would shift every later field, so it is left out.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.out.extend(value.bytes().filter(|byte| *byte != 0));
        self.out.push(0);
        self
    }

    pub fn opt_text(&mut self, value: &Option<String>) -> &mut Self {
        self.text(value.as_deref().unwrap_or(""))
    }

    pub fn int(&mut self, value: impl Into<i64>) -> &mut Self {
        write!(self.out, "{}", value.into()).expect(VEC);
        self.out.push(0);
        self
    }

    pub fn opt_int(&mut self, value: Option<impl Into<i64>>) -> &mut Self {
        match value {
            Some(value) => self.int(value),
            None => self.text(""),
        }
    }

    /// `None` as zero: fields that clients read without checking for empty.
    pub fn int_or_zero(&mut self, value: Option<impl Into<i64>>) -> &mut Self {
        match value {
            Some(value) => self.int(value),
            None => self.int(0),
        }
    }

    pub fn double(&mut self, value: f64) -> &mut Self {
        if value == f64::MAX {
            return self.text(UNSET_DOUBLE);
        }
        write!(self.out, "{value:?}").expect(VEC);
        self.out.push(0);
        self
    }

    pub fn double_or_zero(&mut self, value: Option<f64>) -> &mut Self {
        self.double(value.unwrap_or(0.0))
    }

    /// `None` as the number that means unset.
    pub fn double_or_unset(&mut self, value: Option<f64>) -> &mut Self {
        self.double(value.unwrap_or(f64::MAX))
    }

    pub fn flag(&mut self, value: Option<bool>) -> &mut Self {
        self.text(if value.unwrap_or(false) { "1" } else { "0" })
    }

    /// `count` empty fields.
    pub fn empty(&mut self, count: usize) -> &mut Self {
        self.out.extend(std::iter::repeat_n(0, count));
        self
    }

    /// `count` fields that hold zero.
    pub fn zeros(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            self.text("0");
        }
        self
    }
}
