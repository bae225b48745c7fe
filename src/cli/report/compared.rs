//! Reports as text. In: one report, or two. Out: lines. Absent: HTML; `engine::analytics::html` makes that.

use engine::analytics::compare::{Comparison, compare};
use engine::analytics::report::Report;

use super::super::{Outcome, print_line};
use super::print_json;

pub fn print(a: &Report, b: &Report, json: bool) -> Outcome {
    let found = compare(a, b);
    if json { print_json(&found) } else { print_line(&text(&found)) }
}

fn text(found: &Comparison) -> String {
    let mut lines = vec![
        format!("A {}", found.a),
        format!("B {}", found.b),
        String::new(),
        format!(
            "  trades     {} in both, {} of them at the same prices; {} only in A, {} only in B",
            found.trades_same, found.prices_same, found.trades_only_a, found.trades_only_b
        ),
        String::new(),
        format!("  {:<28} {:>18} {:>18} {:>18}", "", "A", "B", "B - A"),
    ];
    for pair in &found.figures {
        let difference = if pair.a == pair.b { "=".to_owned() } else { pair.difference_text() };
        lines.push(format!("  {:<28} {:>18} {:>18} {difference:>18}", pair.label, pair.a.text(), pair.b.text()));
    }
    lines.join("\n")
}

/// Figures and warnings of one.
pub fn print_one(report: &Report) -> Outcome {
    let mut lines =
        vec![format!("Session {} ({}), {} to {}", report.session, report.mode, report.started, report.ended)];
    for warning in &report.warnings {
        let weight = warning.weight.name();
        lines.push(format!("  {weight}: {}", warning.text));
    }
    for family in &report.statistics {
        lines.push(format!("\n{}", family.title));
        lines.extend(family.figures.iter().map(|f| format!("  {:<28} {:>18}", f.label, f.value.text())));
    }
    print_line(&lines.join("\n"))
}
