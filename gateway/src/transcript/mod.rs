//! Every message in and out, with its time, in a ring of bounded size. In: frames as they were read and as they wait to
//! be written, messages that faults withheld, notes on faults. Out: entries, decoded when somebody asks for them.
//! Absent without a size: then nothing is kept.

use std::collections::VecDeque;

use engine::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::broker::clients::ConnId;
use crate::wire::Encoding;
use crate::wire::response::Response;

mod decode;
mod fields;
mod layouts;

/// Which way a message went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the client.
    In,
    /// To the client, whether or not its connection stalls.
    Out,
    /// To the client, if a fault had not kept it back.
    Withheld,
    /// No message: a fault began or ended.
    Note,
}

impl Direction {
    pub fn name(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Withheld => "withheld",
            Direction::Note => "note",
        }
    }
}

/// One entry, decoded.
#[derive(Clone, PartialEq, Debug)]
pub struct TranscriptEntry {
    /// Rises by one; gaps at the beginning are entries that the ring has dropped.
    pub seq: u64,
    /// Market time.
    pub at: Timestamp,
    /// The connection's number, 0 for notes.
    pub connection: u64,
    /// The client id, once it was known.
    pub client: Option<i32>,
    pub direction: Direction,
    /// `placeOrder`, `OrderStatus`, ...; for notes their text.
    pub message: String,
    /// An object of fields by name; an array of texts where the layout is not known by name.
    pub fields: Json,
}

impl TranscriptEntry {
    pub fn to_json(&self) -> Json {
        json!({
            "seq": self.seq,
            "at": self.at.to_string(),
            "connection": self.connection,
            "client": self.client,
            "direction": self.direction.name(),
            "message": self.message,
            "fields": self.fields,
        })
    }
}

enum What {
    Frame { encoding: Encoding, body: Box<[u8]> },
    Kept { response: Box<Response>, fault: &'static str },
    Note(String),
}

struct Raw {
    at: Timestamp,
    connection: ConnId,
    client: Option<i32>,
    direction: Direction,
    what: What,
}

#[derive(Default)]
pub struct Transcript {
    size: usize,
    ring: VecDeque<Raw>,
    /// Entries that have left the ring.
    dropped: u64,
}

impl Transcript {
    /// Keeps the last `size` entries.
    pub fn new(size: usize) -> Transcript {
        Transcript { size, ..Transcript::default() }
    }

    #[inline]
    pub fn is_on(&self) -> bool {
        self.size > 0
    }

    fn push(&mut self, raw: Raw) {
        if self.size == 0 {
            return;
        }
        while self.ring.len() >= self.size {
            self.ring.pop_front();
            self.dropped += 1;
        }
        self.ring.push_back(raw);
    }

    /// A frame's body, read or about to be written.
    pub fn frame(
        &mut self,
        at: Timestamp,
        (connection, client): (ConnId, Option<i32>),
        direction: Direction,
        encoding: Encoding,
        body: &[u8],
    ) {
        if self.is_on() {
            let what = What::Frame { encoding, body: body.into() };
            self.push(Raw { at, connection, client, direction, what });
        }
    }

    pub fn withheld(
        &mut self,
        at: Timestamp,
        connection: ConnId,
        client: Option<i32>,
        response: &Response,
        fault: &'static str,
    ) {
        if self.is_on() {
            let what = What::Kept { response: Box::new(response.clone()), fault };
            self.push(Raw { at, connection, client, direction: Direction::Withheld, what });
        }
    }

    pub fn note(&mut self, at: Timestamp, text: &str) {
        let what = What::Note(text.to_owned());
        self.push(Raw { at, connection: 0, client: None, direction: Direction::Note, what });
    }

    /// Entries from `since` on, oldest first, at most `limit`; of one client, or of all with the notes.
    pub fn entries(&self, since: u64, client: Option<i32>, limit: usize) -> Vec<TranscriptEntry> {
        let skip = usize::try_from(since.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        let wanted = self.numbered(client).skip_while(|(place, _)| *place < skip).take(limit);
        wanted.map(|(place, raw)| self.entry(place, raw)).collect()
    }

    /// The newest `count` entries, oldest first; of one client, or of all with the notes.
    pub fn newest(&self, client: Option<i32>, count: usize) -> Vec<TranscriptEntry> {
        let mut places: Vec<_> = self.numbered(client).rev().take(count).collect();
        places.reverse();
        places.into_iter().map(|(place, raw)| self.entry(place, raw)).collect()
    }

    fn numbered(&self, client: Option<i32>) -> impl DoubleEndedIterator<Item = (usize, &Raw)> {
        self.ring.iter().enumerate().filter(move |(_, raw)| client.is_none() || raw.client == client)
    }

    fn entry(&self, place: usize, raw: &Raw) -> TranscriptEntry {
        let (message, fields) = raw.decode();
        TranscriptEntry {
            seq: self.dropped + place as u64,
            at: raw.at,
            connection: raw.connection,
            client: raw.client,
            direction: raw.direction,
            message,
            fields,
        }
    }
}

impl Raw {
    fn decode(&self) -> (String, Json) {
        match &self.what {
            What::Frame { encoding, body } if self.direction == Direction::In => decode::request(*encoding, body),
            What::Frame { encoding, body } => decode::response(*encoding, body),
            What::Kept { response, fault } => {
                let (message, mut fields) = decode::typed(response);
                if let Json::Object(fields) = &mut fields {
                    fields.insert("withheld_by".to_owned(), Json::from(*fault));
                }
                (message, fields)
            }
            What::Note(text) => (text.clone(), json!({})),
        }
    }
}
