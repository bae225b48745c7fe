//! Runs `cargo test` and counts. In: its output, line by line. Out: the same output, and the sums over all test binaries.
//!
//! A test without what it needs prints `skipped: ...` and passes for the test runner. The runner is therefore asked for
//! the output of passing tests; it is not shown, but such tests are counted as skipped and their lines are repeated.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step;

/// Sums over all test binaries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// `cargo test` for the whole workspace, or for the packages that the user names, with the user's flags and filters.
pub fn cargo_arguments(given: &[String]) -> Vec<String> {
    let split = given.iter().position(|word| word == "--").unwrap_or(given.len());
    let (flags, filters) = (&given[..split], given.get(split + 1..).unwrap_or_default());
    let named = flags.iter().any(|flag| flag == "-p" || flag.starts_with("-p=") || flag.starts_with("--package"));
    let mut arguments = vec!["test".to_owned(), "--no-fail-fast".to_owned()];
    if !named {
        arguments.push("--workspace".to_owned());
    }
    arguments.extend_from_slice(flags);
    arguments.push("--".to_owned());
    arguments.extend_from_slice(filters);
    arguments.push("--show-output".to_owned());
    arguments
}

/// Runs the tests where the user sees them. A run that breaks off counts as one failure at least.
pub fn run(root: &Path, arguments: &[String], variables: &[(&str, PathBuf)]) -> Counts {
    let mut command = Command::new(step::cargo_program());
    command.args(arguments).current_dir(root).envs(variables.iter().map(|(name, value)| (name, value)));
    let shown = step::shown(&command);
    println!("$ {shown}");
    let mut reader = Reader::default();
    let outcome = command.stdout(Stdio::piped()).spawn().and_then(|mut child| {
        let stdout = child.stdout.take().expect("it is piped");
        for line in BufReader::new(stdout).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if let Some(line) = reader.line(&line) {
                println!("{line}");
            }
        }
        child.wait()
    });
    let mut counts = reader.counts();
    match outcome {
        Ok(status) if status.success() => {}
        Ok(_) if counts.failed > 0 => {}
        Ok(status) => {
            println!("error: `{shown}` ended with {status} before it had counted its tests");
            counts.failed = 1;
        }
        Err(error) => {
            println!("error: `{shown}`: {error}");
            counts.failed = counts.failed.max(1);
        }
    }
    counts
}

/// Reads the output of test binaries.
#[derive(Debug, Default)]
struct Reader {
    counts: Counts,
    /// Inside the output of passing tests.
    in_successes: bool,
    /// The passing test whose output this is has said that it was skipped.
    counted: bool,
    said_skipped: usize,
}

impl Reader {
    /// Counts, and returns what the user is to see.
    fn line(&mut self, line: &str) -> Option<String> {
        if line.starts_with("test result: ") {
            self.in_successes = false;
            self.add(line);
            return Some(line.to_owned());
        }
        match line {
            "successes:" => self.in_successes = true,
            "failures:" => self.in_successes = false,
            _ => {}
        }
        if !self.in_successes {
            return Some(line.to_owned());
        }
        if line.starts_with("---- ") && line.ends_with(" stdout ----") {
            self.counted = false;
        }
        let skipped = line.starts_with("skipped: ");
        if skipped && !self.counted {
            self.counted = true;
            self.said_skipped += 1;
        }
        skipped.then(|| line.to_owned())
    }

    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s`
    fn add(&mut self, line: &str) {
        for part in line.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let Some(Ok(count)) = words.next().map(str::parse::<usize>) else {
                continue;
            };
            match words.next() {
                Some("passed") => self.counts.passed += count,
                Some("failed") => self.counts.failed += count,
                Some("ignored") => self.counts.skipped += count,
                _ => {}
            }
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            passed: self.counts.passed.saturating_sub(self.said_skipped),
            failed: self.counts.failed,
            skipped: self.counts.skipped + self.said_skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> (Vec<String>, Counts) {
        let mut reader = Reader::default();
        let shown = output.lines().filter_map(|line| reader.line(line)).collect();
        (shown, reader.counts())
    }

    #[test]
    fn results_of_all_binaries_are_summed() {
        let (_, counts) = read(
            "test a ... ok\ntest result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s\n\
             test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        );
        assert_eq!(counts.to_string(), "15 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_passing_test_that_says_skipped_is_counted_as_skipped_once() {
        let (shown, counts) = read(
            "running 2 tests\n\nsuccesses:\n\n---- a stdout ----\nskipped: no server\nskipped: no client\n\n\
             ---- b stdout ----\nnoise\n\nsuccesses:\n    a\n    b\n\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        assert_eq!(counts, Counts { passed: 1, failed: 0, skipped: 1 });
        assert!(shown.contains(&"skipped: no server".to_owned()));
        assert!(!shown.contains(&"noise".to_owned()));
    }

    #[test]
    fn the_output_of_failing_tests_is_shown() {
        let (shown, _) = read("successes:\n\n---- a stdout ----\nnoise\n\nfailures:\n\n---- b stdout ----\nwhy\n");
        assert!(shown.contains(&"why".to_owned()) && !shown.contains(&"noise".to_owned()));
    }

    #[test]
    fn flags_and_filters_reach_cargo_and_the_test_runner() {
        let arguments =
            |given: &str| cargo_arguments(&given.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).join(" ");
        assert_eq!(arguments(""), "test --no-fail-fast --workspace -- --show-output");
        assert_eq!(arguments("-- config"), "test --no-fail-fast --workspace -- config --show-output");
        assert_eq!(arguments("-p engine -- a b"), "test --no-fail-fast -p engine -- a b --show-output");
        assert_eq!(arguments("--doc"), "test --no-fail-fast --workspace --doc -- --show-output");
    }
}
