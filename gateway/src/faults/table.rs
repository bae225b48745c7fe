//! The table of all faults. In: a name. Out: its row; the table as text and as JSON.

use serde_json::{Value as Json, json};

use crate::faults::spec::{Act, Scope, Spec};
use crate::faults::{account, connectivity, data, limits, links, order_events, requests};

/// Families with their rows, in the order in which they are shown.
pub const FAMILIES: &[(&str, &[Spec])] = &[
    ("connections", links::ROWS),
    ("connectivity", connectivity::ROWS),
    ("requests", requests::ROWS),
    ("limits", limits::ROWS),
    ("market data", data::ROWS),
    ("order messages", order_events::ROWS),
    ("account", account::ROWS),
];

pub fn rows() -> impl Iterator<Item = &'static Spec> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter())
}

pub fn find(name: &str) -> Option<&'static Spec> {
    rows().find(|spec| spec.name == name)
}

/// For an error message: names that share a word with `name`, or all.
pub fn nearest(name: &str) -> String {
    let words: Vec<&str> = name.split(['-', '_', ' ']).filter(|word| word.len() > 2).collect();
    let near: Vec<&str> =
        rows().map(|spec| spec.name).filter(|known| words.iter().any(|word| known.contains(word))).collect();
    let all = || rows().map(|spec| spec.name).collect::<Vec<_>>();
    let names = if near.is_empty() { all() } else { near };
    format!("one of {}", names.join(", "))
}

/// Every fault with parameters, units and defaults, and what a sound client does about it.
pub fn fault_text() -> String {
    let mut out = String::new();
    for (family, rows) in FAMILIES {
        out.push_str(&format!("{}\n", family.to_uppercase()));
        for spec in *rows {
            out.push_str(&format!("\n  {}{}\n      {}.\n", spec.name, heading(spec), spec.about));
            for param in spec.params {
                let default = if param.default.is_empty() { "empty" } else { param.default };
                let kind = param.kind.describe();
                out.push_str(&format!("      {} = {default}: {}; {kind}\n", param.name, param.about));
            }
            out.push_str(&format!("      A sound client will {}.\n", spec.expected));
        }
        out.push('\n');
    }
    out
}

fn heading(spec: &Spec) -> String {
    let lasts = match spec.act {
        Act::Once(_) => "at once".to_owned(),
        Act::While { lasts: "", .. } => "until cleared".to_owned(),
        Act::While { lasts, .. } => format!("for {lasts}"),
    };
    let scope = if spec.scope == Scope::Clients { ", one client or all" } else { "" };
    format!("  ({lasts}{scope})")
}

/// The same as JSON: an array of objects.
pub fn fault_json() -> Json {
    let of = |family: &&str, spec: &Spec| {
        let params = spec.params.iter().map(|param| {
            json!({
                "name": param.name,
                "expects": param.kind.describe(),
                "default": param.default,
                "about": param.about,
            })
        });
        let lasts = match spec.act {
            Act::Once(_) => Json::from("at once"),
            Act::While { lasts, .. } => Json::from(if lasts.is_empty() { "until cleared" } else { lasts }),
        };
        json!({
            "name": spec.name,
            "family": family,
            "about": spec.about,
            "expected": spec.expected,
            "lasts": lasts,
            "client": spec.scope == Scope::Clients,
            "params": params.collect::<Vec<_>>(),
        })
    };
    FAMILIES.iter().flat_map(|(family, rows)| rows.iter().map(move |spec| of(family, spec))).collect()
}
