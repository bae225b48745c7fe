//! What a person sees of a scenario while it is played: who did what when, in market time since the script's time 0.
//! In: evidence as it grows. Out: lines. Absent: market data, and what repeats without end.

use std::io::Write;

use engine::journal::{Record, Severity};
use engine::time::Timestamp;
use engine::trade::Trading;
use gateway::{Direction, TranscriptEntry};

use super::evidence::{Evidence, OURS};
use super::play::Watch;

/// Prints what is new at each look.
#[derive(Default)]
pub struct Timeline {
    wire: usize,
    journal: usize,
    log: usize,
    /// Orders of one moment are told once.
    last: Option<String>,
}

struct Line {
    at: Timestamp,
    who: &'static str,
    text: String,
}

impl Watch for Timeline {
    fn look(&mut self, seen: &Evidence) {
        // Before it is known when time 0 is, lines would have no time.
        let Some(zero) = seen.zero else { return };
        let mut lines = Vec::new();
        for entry in &seen.wire[self.wire..] {
            lines.extend(of_gateway(entry).map(|(who, text)| Line { at: entry.at, who, text }));
        }
        for entry in &seen.journal[self.journal..] {
            lines.extend(of_pitboss(&entry.record).map(|text| Line { at: entry.at, who: "pitboss", text }));
        }
        for line in &seen.log[self.log..] {
            // What is in the journal too has been told from there.
            if line.event.starts_with("broker.") && line.event != "broker.notice" && line.level != "debug" {
                lines.push(Line { at: seen.truth.now, who: "pitboss", text: format!("{}: {}", line.event, line.text) });
            }
        }
        (self.wire, self.journal, self.log) = (seen.wire.len(), seen.journal.len(), seen.log.len());
        lines.sort_by_key(|line| line.at);
        for line in lines.into_iter().filter(|line| line.at >= zero) {
            let text = format!("{:<8} {}", line.who, line.text);
            if self.last.as_ref() != Some(&text) {
                let line = format!("{:>9.2}  {text}", line.at.since(zero).as_secs_f64());
                if writeln!(std::io::stdout().lock(), "{line}").is_err() {
                    // The reader of a pipe has seen enough; the verdict does not depend on it.
                    return;
                }
            }
            self.last = Some(text);
        }
    }
}

fn of_gateway(entry: &TranscriptEntry) -> Option<(&'static str, String)> {
    let field = |key: &str| entry.fields[key].as_i64().unwrap_or_default();
    match (entry.direction, entry.message.as_str()) {
        (Direction::Note, note) => Some(("gateway", note.to_owned())),
        (Direction::Out, "Error") => {
            let about = if field("id") >= 0 { format!(" about {}", field("id")) } else { String::new() };
            let text = entry.fields["error_msg"].as_str().unwrap_or_default();
            Some(("gateway", format!("says {}{about}: {text}", field("error_code"))))
        }
        (Direction::Out, "NextValidId") if entry.client == Some(OURS) => {
            Some(("gateway", format!("greets client {OURS}, next order id {}", field("order_id"))))
        }
        (Direction::Out, "Execution") if field("req_id") < 0 => {
            let execution = &entry.fields["execution"];
            let text = |key: &str| execution[key].as_str().unwrap_or_default().to_owned();
            Some((
                "gateway",
                format!("tells an execution: {} {} at {}", text("side"), text("shares"), execution["price"]),
            ))
        }
        (Direction::In, "placeOrder") => {
            let order = &entry.fields["order"];
            let text = |key: &str| order[key].as_str().unwrap_or_default().to_owned();
            let what = format!("{} {} {}", text("action"), text("total_quantity"), text("order_type"));
            Some(("wire", format!("order {}: {what}", field("order_id"))))
        }
        (Direction::In, "cancelOrder") => Some(("wire", format!("cancel {}", field("order_id")))),
        (Direction::In, "reqAllOpenOrders") => Some(("wire", "Pitboss asks for an inventory".to_owned())),
        (Direction::In, "reqTickByTickData") => Some(("wire", "Pitboss subscribes to ticks".to_owned())),
        _ => None,
    }
}

fn of_pitboss(record: &Record) -> Option<String> {
    match record {
        Record::Trading { trading, cause } => {
            let word = match trading {
                Trading::Allowed => "allowed",
                Trading::Paused => "paused",
                Trading::Liquidating => "liquidating",
            };
            Some(format!("trading {word}: {cause}"))
        }
        Record::Fill(fill) => Some(format!("books {} {} ({})", fill.side.name(), fill.quantity, fill.exec_id)),
        Record::System { severity, event, text, .. } if *severity != Severity::Info => Some(format!("{event}: {text}")),
        Record::SessionEnded { cause } => Some(format!("ends: {cause}")),
        _ => None,
    }
}
