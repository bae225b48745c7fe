//! Pitboss: the program that a person starts. In: a command line. Out: the command's work and an exit code.
//! Absent: everything that a command does; see `cli`. `scenarios` is what goes wrong at the broker, to be played.

mod cli;
mod scenarios;

fn main() -> std::process::ExitCode {
    cli::run()
}
