//! Runs other programs and says what it runs.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs cargo where the user sees it; whether it succeeded.
pub fn cargo(root: &Path, arguments: &[&str]) -> bool {
    aloud(Command::new(cargo_program()).args(arguments).current_dir(root))
}

/// The cargo that runs this task, so that a toolchain chosen on the command line is kept.
pub fn cargo_program() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Runs a command whose output the user sees; a failure is said with its reason.
pub fn aloud(command: &mut Command) -> bool {
    let shown = shown(command);
    println!("$ {shown}");
    match command.status() {
        Ok(status) if status.success() => true,
        Ok(status) => {
            println!("error: `{shown}` ended with {status}");
            false
        }
        Err(error) => {
            println!("error: `{shown}` did not start: {error}");
            false
        }
    }
}

/// As [`aloud`], for callers that go no further after a failure.
pub fn run(command: &mut Command) -> io::Result<()> {
    if aloud(command) { Ok(()) } else { Err(io::Error::other(format!("`{}` failed", shown(command)))) }
}

/// Makes a folder anew unless it is `whole` and was made of what is `wanted` now. The stamp in it that says so is written
/// last: an interrupted attempt has none.
pub fn make_folder(
    folder: &Path,
    stamp: &str,
    wanted: &str,
    whole: impl Fn() -> bool,
    make: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let stamp = folder.join(stamp);
    if whole() && fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    make()?;
    fs::write(stamp, wanted)
}

/// Asks a question of a program: whether it exists and says yes. Its words are not shown.
pub fn quietly(program: &str, arguments: &[&str]) -> bool {
    let status =
        Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
