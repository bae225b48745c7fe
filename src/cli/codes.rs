//! `pitboss codes`: what Interactive Brokers' message codes mean, and what Pitboss does about each.

use clap::Args;
use engine::codes::{self, CODES, Code};

use super::{Failure, Outcome, print_line};

#[derive(Args)]
pub struct CodesArgs {
    /// One code; without it, the whole table.
    #[arg(value_name = "CODE", allow_negative_numbers = true)]
    code: Option<i32>,
}

pub fn run(args: &CodesArgs) -> Outcome {
    match args.code {
        None => {
            print_line(&line("code", "layer", "severity", "meaning"))?;
            CODES.iter().try_for_each(|row| {
                print_line(&line(&row.code.to_string(), row.layer.name(), row.severity.name(), row.meaning))
            })
        }
        Some(code) => match codes::of(code) {
            Some(row) => print_line(&whole(row)),
            None => Err(Failure::usage(format!(
                "code {code} is not in the table; Pitboss writes it down as a warning, and nothing else follows"
            ))),
        },
    }
}

fn line(code: &str, layer: &str, severity: &str, meaning: &str) -> String {
    format!("{code:>6}  {layer:<8}  {severity:<8}  {meaning}")
}

fn whole(row: &Code) -> String {
    let Code { code, layer, severity, act, meaning, .. } = row;
    format!(
        "{code}: {meaning}\n  layer     {}\n  severity  {}\n  Pitboss   {}",
        layer.name(),
        severity.name(),
        act.text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_is_shown_with_what_is_done_about_it() {
        let row = codes::of(1100).expect("a known code");
        let shown = whole(row);
        assert!(shown.starts_with("1100: IB's servers are lost\n") && shown.contains("entries paused"), "{shown}");
        assert_eq!(run(&CodesArgs { code: Some(424_242) }).expect_err("unknown").code, 2);
    }
}
