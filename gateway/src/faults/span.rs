//! Spans of time as people write them. In: `20s`, `1.5s`, `250ms`, `3m`, `2h`, `00:01:30`. Out: a duration, and back.

use std::time::Duration;

/// `None` for anything else, and for spans of more than a year.
pub fn parse(text: &str) -> Option<Duration> {
    let span = if text.contains(':') { parse_clock(text) } else { parse_unit(text) };
    span.filter(|span| *span <= Duration::from_secs(366 * 86_400))
}

fn parse_unit(text: &str) -> Option<Duration> {
    let units = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

/// `hh:mm:ss` with an optional fraction of a second.
fn parse_clock(text: &str) -> Option<Duration> {
    let mut parts = text.split(':');
    let mut whole = |limit: u64| parts.next()?.parse::<u64>().ok().filter(|value| *value < limit);
    let (hours, minutes) = (whole(24 * 366)?, whole(60)?);
    let seconds = parts.next()?.parse::<f64>().ok().filter(|value| (0.0..60.0).contains(value))?;
    if parts.next().is_some() {
        return None;
    }
    Some(Duration::from_secs(hours * 3600 + minutes * 60) + Duration::try_from_secs_f64(seconds).ok()?)
}

/// The form that scripts use: whole seconds, otherwise milliseconds.
pub fn show(span: Duration) -> String {
    match span.subsec_millis() {
        0 => format!("{}s", span.as_secs()),
        _ => format!("{}ms", span.as_millis()),
    }
}

/// `hh:mm:ss.mmm`.
pub fn show_clock(span: Duration) -> String {
    let seconds = span.as_secs();
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, span.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_nonsense_is_not() {
        let read = |text| parse(text).map(|span| span.as_millis());
        assert_eq!(["20s", "1.5s", "250ms", "3m", "2h"].map(read), [20_000, 1_500, 250, 180_000, 7_200_000].map(Some));
        assert_eq!(["00:01:30", "01:00:00.250"].map(read), [90_000, 3_600_250].map(Some));
        for wrong in ["", "s", "20", "-5s", "1e9h", "NaNs", "infs", "00:61:00", "00:00:60", "1:2", "1:2:3:4", "9000h"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_is_read_again() {
        for millis in [0, 1, 999, 20_000, 90_250, 36_000_000] {
            let span = Duration::from_millis(millis);
            assert_eq!(parse(&show(span)), Some(span));
            assert_eq!(parse(&show_clock(span)), Some(span));
        }
    }
}
