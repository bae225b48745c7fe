//! A running `pitboss`. In: signals. Out: its lines as they come, its exit code. Every wait has a deadline, and the
//! process ends with the value that holds it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a busy machine too.
pub const DEADLINE: Duration = Duration::from_secs(120);
/// Lines of each stream that a failed test shows.
const SHOWN: usize = 40;
/// The operating system tells nobody when a process ends, short of waiting for it.
const POLL: Duration = Duration::from_millis(5);

pub struct Process {
    child: Child,
    told: Arc<Told>,
    readers: Vec<JoinHandle<()>>,
}

/// A process that ended.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// What it has printed so far.
#[derive(Default)]
struct Told {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    out: Vec<String>,
    err: Vec<String>,
    /// Streams that have ended.
    ended: usize,
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("pitboss was built before its tests");
        let told = Arc::new(Told::default());
        let out = child.stdout.take().expect("it is piped");
        let err = child.stderr.take().expect("it is piped");
        let readers = vec![read(out, Stream::Out, &told), read(err, Stream::Err, &told)];
        Self { child, told, readers }
    }

    /// The first line of either stream for which `found` gives something; panics with what was printed last when there
    /// is none in time or the process ends without it.
    pub fn wait_for<T>(&self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        self.wait(what, |lines| lines.all().find_map(|line| found(line)))
    }

    pub fn wait_for_text(&self, text: &str) {
        self.wait_for_count(text, 1);
    }

    /// Waits until `times` lines contain `text`.
    pub fn wait_for_count(&self, text: &str, times: usize) {
        let what = format!("{times} lines with {text:?}");
        self.wait(&what, |lines| (lines.all().filter(|line| line.contains(text)).count() >= times).then_some(()));
    }

    fn wait<T>(&self, what: &str, found: impl Fn(&Lines) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut lines = self.told.lock();
        loop {
            if let Some(value) = found(&lines) {
                return value;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(lines.ended < 2, "it ended without {what}:\n{lines}");
            assert!(!left.is_zero(), "no {what} in {DEADLINE:?}:\n{lines}");
            lines = self.told.more.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill is there");
        assert!(status.success(), "the process is gone: {}", self.told.lock());
    }

    /// SIGKILL, which nothing can catch.
    pub fn kill(mut self) -> Finished {
        self.child.kill().expect("it runs");
        self.end()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Finished {
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.told.lock());
            std::thread::sleep(POLL);
        };
        for reader in std::mem::take(&mut self.readers) {
            reader.join().expect("a reader only reads");
        }
        let lines = self.told.lock();
        Finished { status, out: lines.out.join("\n"), err: lines.err.join("\n") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `end` both only say that it is gone.
        let killed = self.child.kill();
        let waited = self.child.wait();
        if let (Err(reason), _) | (_, Err(reason)) = (killed, waited) {
            println!("a process could not be ended: {reason}");
        }
    }
}

fn read(from: impl Read + Send + 'static, stream: Stream, told: &Arc<Told>) -> JoinHandle<()> {
    let told = told.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let line = line.unwrap_or_else(|reason| format!("(unreadable: {reason})"));
            let mut lines = told.lock();
            match stream {
                Stream::Out => lines.out.push(line),
                Stream::Err => lines.err.push(line),
            }
            told.more.notify_all();
        }
        told.lock().ended += 1;
        told.more.notify_all();
    })
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn all(&self) -> impl Iterator<Item = &String> {
        self.out.iter().chain(&self.err)
    }
}

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = |lines: &[String]| lines[lines.len().saturating_sub(SHOWN)..].join("\n");
        write!(f, "{}\n{}", last(&self.out), last(&self.err))
    }
}

impl Finished {
    /// It ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status.success(), "{}:\n{}\n{}", self.status, self.out, self.err);
        self
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// What a command with `--json` printed: standard output holds that and nothing else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|reason| panic!("not JSON ({reason}): {}", self.out))
    }
}
