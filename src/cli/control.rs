//! `pitboss risk`, `kill`, `flatten`, `pause`, `resume`, `unlock`: what a person tells the running system, through its
//! control socket. In: a command and a reason. Out: what came of it. Absent: the other end (`actors::control`).

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::control::{Answer, Order, Request, check_reason, user_name};
use clap::{Args, Subcommand};

use super::{ConfigArg, Failure, Outcome, print_line, risk_show, setup};

/// Longer than the other end waits for the broker.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);
/// Behind the help of every command.
const EXIT_CODES: &str = "Exit codes: 0 done, and confirmed by the broker where it has a part in it; 1 not confirmed within ten \
seconds (kill --flatten: twenty), or a limit that is still broken keeps its latch (the text says what is so); 2 refused, nothing was commanded.";

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
    /// Why, for the record: one line of plain text, at most 500 characters.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    socket: SocketArg,
}

#[derive(Subcommand)]
pub enum RiskCommand {
    /// Whether entries can pass and what holds them back; limits beside current values, in colour when near; latches.
    Show {
        #[command(flatten)]
        socket: SocketArg,
        /// One object; the README says what each key means. Amounts are US dollars.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct KillArgs {
    /// Close every position as well. Without a connection to the broker nothing can be closed: the exit code is 1 then, and
    /// it is done as soon as there is one, as long as Pitboss runs.
    #[arg(long)]
    flatten: bool,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct FlattenArgs {
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct StrategyArgs {
    /// Its name in the configuration.
    #[arg(value_name = "STRATEGY")]
    strategy: String,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct UnlockArgs {
    /// The rule's code, as `pitboss risk show` prints it: `daily_loss`, `kill`, ...
    #[arg(value_name = "RULE")]
    rule: String,
    /// The strategy whose latch it is, also one that is not configured any more; without it the account's.
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<String>,
    #[command(flatten)]
    reason: ReasonArg,
}

pub fn risk(RiskCommand::Show { socket, json }: &RiskCommand) -> Outcome {
    let answer = ask(socket, Order::Risk, "")?;
    let risk = answer.risk.ok_or_else(|| Failure::work("the answer has no limits"))?;
    if *json {
        return print_line(&risk_show::json(&risk).to_string());
    }
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print_line(&risk_show::table(&risk, colour))
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
    check_reason(&reason.reason).map_err(|bad| Failure::usage(format!("--reason: {bad}")))?;
    let answer = ask(&reason.socket, order, &reason.reason)?;
    print_line(&answer.text)?;
    if answer.done { Ok(()) } else { Err(Failure::work("not done, or not confirmed")) }
}

fn ask(arg: &SocketArg, order: Order, why: &str) -> Result<Answer, Failure> {
    let path = match &arg.socket {
        Some(path) => path.clone(),
        None => setup::config(&arg.config)?
            .control
            .ok_or_else(|| Failure::usage("this configuration has no control socket: control.enabled is false"))?,
    };
    let stream = UnixStream::connect(&path).map_err(|reason| Failure::usage(unreachable(&path, &reason)))?;
    let answer = converse(stream, &Request { order, why: why.to_owned() });
    let answer = answer.map_err(|reason| {
        Failure::work(format!("the system did not answer, and whether it was done is not known: {reason}"))
    })?;
    if answer.refused {
        return Err(Failure::usage(answer.text));
    }
    Ok(answer)
}

/// Why nobody can be told anything.
fn unreachable(path: &Path, reason: &std::io::Error) -> String {
    let place = path.display();
    match reason.kind() {
        std::io::ErrorKind::PermissionDenied => {
            let owner = std::fs::metadata(path).map(|socket| format!("user {}", user_name(socket.uid())));
            let owner = owner.unwrap_or_else(|_| "another user, or lies in a folder of another user".to_owned());
            let own = user_name(rustix::process::geteuid().as_raw());
            format!(
                "the control socket {place} belongs to {owner}; only that user and root may command the system, and you are \
                 {own} ({reason})"
            )
        }
        std::io::ErrorKind::ConnectionRefused => {
            format!("no system listens on {place} ({reason}): the one that made this socket does not run any more")
        }
        _ => format!("no system listens on {place} ({reason}); is it running, and in this folder?"),
    }
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

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_socket_that_cannot_be_opened_is_told_apart_from_one_that_is_not_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("control.sock");
        let told = |kind: ErrorKind| unreachable(&path, &Error::from(kind));
        assert!(told(ErrorKind::NotFound).starts_with("no system listens on"), "{}", told(ErrorKind::NotFound));
        assert!(told(ErrorKind::PermissionDenied).contains("in a folder of another user"));
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a free place");
        let own = user_name(rustix::process::geteuid().as_raw());
        let denied = told(ErrorKind::PermissionDenied);
        assert!(denied.contains(&format!("belongs to user {own}; only that user and root")), "{denied}");
        assert!(!denied.contains("no system listens"), "{denied}");
        assert!(told(ErrorKind::ConnectionRefused).contains("does not run any more"));
    }
}
