//! Times as text, read fast. In: what a column of times looks like, one text after another. Out: instants, the same ones
//! as chrono's. A format of digits and signs is read here, and a day is found once for all its rows; whatever is written in
//! another way, and days on which clocks change, are left to chrono.

use chrono::NaiveDate;
use engine::time::Timestamp;

use super::mapping::TimeColumn;

const DAY_NS: i64 = 86_400_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// One part of a format, each with a fixed number of digits but the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// Nothing, or a point and digits.
    Fraction,
    Sign(u8),
}

pub(super) struct Clock {
    how: TimeColumn,
    /// `None`: a format for chrono alone.
    pieces: Option<Vec<Piece>>,
    /// The newest day, and when it began. Only of days with one offset from UTC.
    day: Option<([u32; 3], i64)>,
}

impl Clock {
    pub(super) fn new(how: TimeColumn) -> Self {
        Self { pieces: pieces(&how.format), how, day: None }
    }

    pub(super) fn expected(&self) -> String {
        self.how.expected()
    }

    pub(super) fn instant(&mut self, text: &str) -> Option<Timestamp> {
        self.of_digits(text.as_bytes()).or_else(|| self.how.instant(text))
    }

    /// `None` for what is not exactly as the format shows it.
    fn of_digits(&mut self, text: &[u8]) -> Option<Timestamp> {
        let read = fields(self.pieces.as_ref()?, text)?;
        let begin = match self.day {
            Some((day, begin)) if day == read.date => begin,
            _ => {
                let begin = self.how.begin_of_even_day(read.date)?;
                self.day = Some((read.date, begin));
                begin
            }
        };
        begin.checked_add(read.of_day).map(Timestamp::from_nanos)
    }
}

/// A date and a time of day, in nanoseconds.
struct Fields {
    date: [u32; 3],
    of_day: i64,
}

fn fields(pieces: &[Piece], text: &[u8]) -> Option<Fields> {
    let (mut date, mut clock, mut fraction) = ([0; 3], [0; 3], 0);
    let mut rest = text;
    for piece in pieces {
        match piece {
            Piece::Year => (date[0], rest) = digits::<4>(rest)?,
            Piece::Month => (date[1], rest) = digits::<2>(rest)?,
            Piece::Day => (date[2], rest) = digits::<2>(rest)?,
            Piece::Hour => (clock[0], rest) = digits::<2>(rest)?,
            Piece::Minute => (clock[1], rest) = digits::<2>(rest)?,
            Piece::Second => (clock[2], rest) = digits::<2>(rest)?,
            Piece::Sign(sign) => rest = rest.strip_prefix(&[*sign])?,
            Piece::Fraction => (fraction, rest) = billionths(rest)?,
        }
    }
    let [hour, minute, second] = clock.map(i64::from);
    let sound = rest.is_empty() && hour < 24 && minute < 60 && second < 60;
    sound.then_some(Fields { date, of_day: ((hour * 60 + minute) * 60 + second) * SECOND_NS + fraction })
}

fn digits<const N: usize>(text: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_first_chunk::<N>()?;
    let mut value = 0;
    for byte in head {
        value = value * 10 + byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
    }
    Some((value, rest))
}

/// Of `.25` a quarter of a second; of nothing nothing.
fn billionths(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(after) = text.strip_prefix(b".") else { return Some((0, text)) };
    let count = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let value = after[..count].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0'));
    Some((value * 10_i64.pow(9 - count as u32), &after[count..]))
}

/// The format as pieces, if it names a date and a time of day in digits, each part once, and nothing else.
fn pieces(format: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let known = [
            ("%Y", Piece::Year),
            ("%m", Piece::Month),
            ("%d", Piece::Day),
            ("%H", Piece::Hour),
            ("%M", Piece::Minute),
            ("%S", Piece::Second),
            ("%.f", Piece::Fraction),
        ];
        let found = known.into_iter().find_map(|(word, piece)| Some((piece, rest.strip_prefix(word)?)));
        let sign =
            matches!(first, '-' | '/' | ':' | '.' | 'T' | ' ' | ',').then(|| (Piece::Sign(first as u8), &rest[1..]));
        let (piece, after) = found.or(sign)?;
        if !matches!(piece, Piece::Sign(_)) && pieces.contains(&piece) {
            return None;
        }
        pieces.push(piece);
        rest = after;
    }
    // A fraction that something follows might be read in two ways.
    let fraction_last = pieces.iter().rev().skip(1).all(|piece| *piece != Piece::Fraction);
    let all = [Piece::Year, Piece::Month, Piece::Day, Piece::Hour, Piece::Minute];
    let whole = all.iter().all(|piece| pieces.contains(piece));
    let fraction_of_a_second = !pieces.contains(&Piece::Fraction) || pieces.contains(&Piece::Second);
    (fraction_last && whole && fraction_of_a_second).then_some(pieces)
}

impl TimeColumn {
    /// When a day began here, nanoseconds since 1970; `None` where its clocks are changed.
    fn begin_of_even_day(&self, [year, month, day]: [u32; 3]) -> Option<i64> {
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        let at = |date: NaiveDate| self.only(&date.and_hms_opt(0, 0, 0)?).map(Timestamp::nanos);
        let (begin, end) = (at(date)?, at(date.succ_opt()?)?);
        (end - begin == DAY_NS).then_some(begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONES: [chrono_tz::Tz; 5] = [
        chrono_tz::UTC,
        chrono_tz::America::Chicago,
        chrono_tz::Europe::Berlin,
        chrono_tz::Australia::Lord_Howe,
        chrono_tz::Asia::Kathmandu,
    ];

    fn how(format: &str, zone: chrono_tz::Tz) -> TimeColumn {
        TimeColumn { names: vec!["time".to_owned()], format: format.to_owned(), zone }
    }

    #[test]
    fn every_time_is_chronos() {
        let formats =
            ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S%.f", "%d.%m.%Y %H:%M", "%Y%m%d %H%M%S", "%Y-%m-%dT%H:%M:%S"];
        for (format, zone) in formats.into_iter().flat_map(|format| ZONES.map(|zone| (format, zone))) {
            let how = how(format, zone);
            let mut clock = Clock::new(how.clone());
            let mut fast = 0;
            // Every 7 hours and 11 minutes of two years: all days, those on which clocks change as well.
            for step in 0..2_440_i64 {
                let at = 1_672_531_200 + step * (7 * 3_600 + 660) + 13;
                let local = chrono::DateTime::from_timestamp(at, 0).expect("a time").naive_utc();
                let text = local.format(format).to_string();
                assert_eq!(clock.instant(&text), how.instant(&text), "{text} as {format} in {}", zone.name());
                fast += usize::from(Clock::new(how.clone()).of_digits(text.as_bytes()).is_some());
            }
            assert!(fast > 2_400, "{format} in {}: {fast} without chrono", zone.name());
        }
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_chrono() {
        let texts = [
            "2024-1-2 03:04:05",
            "2024-01-02 03:04:60",
            "2024-01-02 24:00:00",
            "2024-02-30 03:04:05",
            "2024-01-02 03:04",
            "2024-01-02  03:04:05",
            "2024-01-02 03:04:05 ",
            "+2024-01-02 03:04:05",
            "yesterday",
            "",
            "2024-03-10 02:30:00",
            "2024-11-03 01:30:00",
        ];
        for zone in ZONES {
            let how = how("%Y-%m-%d %H:%M:%S", zone);
            for text in texts {
                assert_eq!(Clock::new(how.clone()).instant(text), how.instant(text), "{text} in {}", zone.name());
            }
        }
        for fraction in [".5", ".000000001", "", ".", ".1234567891", ".x"] {
            let how = how("%Y-%m-%d %H:%M:%S%.f", chrono_tz::UTC);
            let text = format!("2024-01-02 03:04:05{fraction}");
            assert_eq!(Clock::new(how.clone()).instant(&text), how.instant(&text), "{text}");
        }
        for format in
            ["%s", "%Y-%m-%d", "%y-%m-%d %H:%M", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %H:%M:%S%z", "unix_ms", "rfc3339"]
        {
            assert_eq!(pieces(format), None, "{format}");
        }
    }
}
