//! The project's own commands: `cargo xtask test`, `lint` and `deny`. In: arguments. Out: an exit code, and for `test`
//! a last line that counts. Absent: dependencies, so that it builds in a second on a fresh machine.

use std::path::PathBuf;
use std::process::ExitCode;

mod needs;
mod node;
mod python;
mod step;
mod summary;

const USAGE: &str = "\
usage: cargo xtask COMMAND [ARGUMENTS]

  test [CARGO FLAGS] [-- FILTER]   installs what tests need if it can, then format, lints and all tests;
                                   flags and filter go to `cargo test`, as in `cargo xtask test -p engine -- config`
  lint                             format and lints
  deny                             licences, advisories and sources of dependencies (needs cargo-deny)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) => match (command.as_str(), rest) {
            ("test", rest) => test(rest),
            ("lint", []) => lint(),
            ("deny", rest) => deny(rest),
            _ => usage(),
        },
        None => usage(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(code)) => ExitCode::from(code),
    }
}

/// What failed has been said; this is the exit code.
struct Failed(u8);

fn usage() -> Result<(), Failed> {
    eprintln!("{USAGE}");
    Err(Failed(2))
}

/// The workspace's folder.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace").to_owned()
}

/// Where cargo builds: environments for tests live there too, so that a clean checkout can reuse them.
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// All steps run even if one fails, so that one run shows everything; the count of tests is the last line.
fn test(arguments: &[String]) -> Result<(), Failed> {
    needs::provide();
    let mut variables = python::environments(&root().join("xtask/python"), &target_dir().join("venv"));
    variables.extend(node::packages(&root().join("xtask/node"), &target_dir().join("node")));
    let linted = lint();
    let counts = summary::run(&root(), &summary::cargo_arguments(arguments), &variables);
    if linted.is_err() {
        println!("error: format or lints failed, see above");
    }
    println!("{counts}");
    if linted.is_ok() && counts.failed == 0 { Ok(()) } else { Err(Failed(1)) }
}

fn lint() -> Result<(), Failed> {
    let format = step::cargo(&root(), &["fmt", "--all", "--check"]);
    let clippy = step::cargo(&root(), &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    if format && clippy { Ok(()) } else { Err(Failed(1)) }
}

fn deny(arguments: &[String]) -> Result<(), Failed> {
    if !step::quietly("cargo", &["deny", "--version"]) {
        eprintln!("error: cargo-deny is not installed: cargo install --locked cargo-deny");
        return Err(Failed(1));
    }
    let arguments: Vec<&str> = ["deny", "check"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    if step::cargo(&root(), &arguments) { Ok(()) } else { Err(Failed(1)) }
}
