//! `pitboss risk`, `kill`, `flatten`, `pause`, `resume`, `unlock`: what a person tells the running system, through its
//! control socket. In: a command and a reason. Out: what came of it. Absent: the other end (`actors::control`).

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use actors::control::{Answer, Order, Request};
use clap::{Args, Subcommand};
use engine::books::{BrokerPnl, LimitLine, RiskView};

use super::{ConfigArg, Failure, Outcome, print_line, setup};

/// Longer than the other end waits for the broker.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);
/// Percent of a limit from which on it is shown in colour.
const NEAR: u32 = 75;

/// Where the running system listens.
#[derive(Args)]
pub struct SocketArg {
    #[command(flatten)]
    config: ConfigArg,
    /// The control socket; without it that of the configuration.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

#[derive(Args)]
pub struct ReasonArg {
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    socket: SocketArg,
}

#[derive(Subcommand)]
pub enum RiskCommand {
    /// Limits beside current values, in colour when near, and what is latched.
    Show {
        #[command(flatten)]
        socket: SocketArg,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct KillArgs {
    /// Close every position as well.
    #[arg(long)]
    flatten: bool,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Args)]
pub struct FlattenArgs {
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Args)]
pub struct StrategyArgs {
    /// Its name in the configuration.
    #[arg(value_name = "STRATEGY")]
    strategy: String,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Args)]
pub struct UnlockArgs {
    /// The rule's code, as `pitboss risk show` prints it: `daily_loss`, `kill`, ...
    #[arg(value_name = "RULE")]
    rule: String,
    /// The strategy whose latch it is; without it the account's.
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<String>,
    #[command(flatten)]
    reason: ReasonArg,
}

pub fn risk(RiskCommand::Show { socket, json }: &RiskCommand) -> Outcome {
    let answer = ask(socket, Order::Risk, "")?;
    let risk = answer.risk.ok_or_else(|| Failure::work("the answer has no limits"))?;
    if *json {
        return print_line(&serde_json::to_string(&risk).map_err(Failure::work)?);
    }
    print_line(&table(&risk, std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()))
}

pub fn kill(args: &KillArgs) -> Outcome {
    command(&args.reason, Order::Kill { flatten: args.flatten })
}

pub fn flatten(args: &FlattenArgs) -> Outcome {
    command(&args.reason, Order::Flatten)
}

pub fn pause(args: &StrategyArgs) -> Outcome {
    command(&args.reason, Order::Pause { strategy: args.strategy.clone() })
}

pub fn resume(args: &StrategyArgs) -> Outcome {
    command(&args.reason, Order::Resume { strategy: args.strategy.clone() })
}

pub fn unlock(args: &UnlockArgs) -> Outcome {
    command(&args.reason, Order::Unlock { rule: args.rule.clone(), strategy: args.strategy.clone() })
}

fn command(reason: &ReasonArg, order: Order) -> Outcome {
    if reason.reason.trim().is_empty() {
        return Err(Failure::usage("--reason is empty; a command needs a reason"));
    }
    let answer = ask(&reason.socket, order, &reason.reason)?;
    print_line(&answer.text)?;
    if answer.done { Ok(()) } else { Err(Failure::work("it is not done")) }
}

fn ask(arg: &SocketArg, order: Order, why: &str) -> Result<Answer, Failure> {
    let path = match &arg.socket {
        Some(path) => path.clone(),
        None => setup::config(&arg.config)?
            .control
            .ok_or_else(|| Failure::usage("this configuration has no control socket: control.enabled is false"))?,
    };
    let stream = UnixStream::connect(&path).map_err(|reason| {
        Failure::usage(format!(
            "no system listens on {} ({reason}); is it running, and in this folder?",
            path.display()
        ))
    })?;
    let answer = converse(stream, &Request { order, why: why.to_owned() });
    let answer = answer.map_err(|reason| Failure::work(format!("the system did not answer: {reason}")))?;
    if answer.risk.is_none() && !answer.done {
        return Err(Failure::usage(answer.text));
    }
    Ok(answer)
}

fn converse(mut stream: UnixStream, request: &Request) -> std::io::Result<Answer> {
    stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

fn table(risk: &RiskView, colour: bool) -> String {
    let mut text = format!("trading {}, equity {}", format!("{:?}", risk.trading).to_lowercase(), risk.equity);
    let positions: Vec<String> = risk.positions.iter().map(|(name, q)| format!("{name} {q:+}")).collect();
    let net = if positions.is_empty() { "nothing".to_owned() } else { positions.join(", ") };
    let positions = if risk.held.len() < 2 && (positions.is_empty() == risk.held.is_empty()) {
        risk.holdings()
    } else {
        format!("{}, net {net}", risk.holdings())
    };
    text += &format!(", {positions}, {} orders live ({} entries)\n\n", risk.orders, risk.entries);
    text += &format!("{:<28} {:<16} {:>16} {:>16} {:>6}\n", "limit", "of", "now", "limit", "used");
    for line in &risk.limits {
        text += &painted(&limit_line(line), line.used, colour);
        text.push('\n');
    }
    if let Some(profit) = &risk.broker_pnl {
        text.push('\n');
        text += &painted(&profit_line(profit), if profit.differs { 100 } else { 0 }, colour);
        text.push('\n');
    }
    for latch in &risk.latches {
        let of = latch.strategy.as_deref().unwrap_or("account");
        let line = format!(
            "LATCHED {} of {of} since {}: {} against {}; released {}",
            latch.rule, latch.since, latch.value, latch.limit, latch.reset
        );
        text.push('\n');
        text += &painted(&line, 100, colour);
    }
    if !risk.switched_off.is_empty() {
        text += &format!("\nswitched off: {}", risk.switched_off.join(", "));
    }
    text
}

fn limit_line(line: &LimitLine) -> String {
    format!("{:<28} {:<16} {:>16} {:>16} {:>5}%", line.rule, line.of, line.value, line.limit, line.used)
}

fn profit_line(profit: &BrokerPnl) -> String {
    let BrokerPnl { book, broker, tolerance, differs } = profit;
    match broker {
        None => format!("profit of the day: book {book}; the broker has not told its own yet"),
        Some((at, broker)) => {
            let verdict = if *differs { "DIFFERS" } else { "agrees" };
            format!("profit of the day: book {book}, broker {broker} at {at}: {verdict} (tolerance {tolerance})")
        }
    }
}

/// Yellow when near, red when reached.
fn painted(text: &str, used: u32, colour: bool) -> String {
    match used {
        100.. if colour => format!("\x1b[31m{text}\x1b[0m"),
        NEAR.. if colour => format!("\x1b[33m{text}\x1b[0m"),
        _ => text.to_owned(),
    }
}
