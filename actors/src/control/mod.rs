//! The control socket: a person on this machine tells the running system what to do, and hears what came of it.
//! In: one line of JSON a connection, from the user that runs Pitboss or from root. Out: commands to the books, with who
//! and why; one line of JSON back. Absent: what commands mean (the books), how people type them (the command line).

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slog::{debug, info, warn};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::system::Desk;

mod obey;
mod protocol;
mod words;

pub use obey::CONFIRMED_WITHIN;
pub use protocol::{Answer, BadReason, Order, REASON_MAX, Request, check_reason};

/// A request is short.
const REQUEST_BYTES_MAX: u64 = 16 << 10;
/// Who connects and says nothing is not waited for.
const ASKED_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("the control socket {} belongs to a system that runs; [control] socket can name another", .0.display())]
    InUse(PathBuf),
    #[error("the control socket {} cannot be opened: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
}

/// A socket that is open until this is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        if let Err(reason) = std::fs::remove_file(&self.path) {
            eprintln!("the control socket {} stays: {reason}", self.path.display());
        }
    }
}

/// Opens the socket and serves it on this thread's runtime. A socket that a dead process left is replaced.
pub fn open(path: &Path, desk: Desk) -> Result<Control, ControlError> {
    let fail = |source| ControlError::Open { path: path.to_path_buf(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(ControlError::InUse(path.to_path_buf()));
        }
        std::fs::remove_file(path).map_err(fail)?;
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    info!(desk.log(), "commands are taken on {}", path.display(); "event" => "control.open");
    let task = actix_rt::spawn(serve(listener, desk));
    Ok(Control { path: path.to_path_buf(), task })
}

async fn serve(listener: UnixListener, desk: Desk) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                actix_rt::spawn(converse(stream, desk.clone()));
            }
            Err(reason) => {
                warn!(desk.log(), "a command's connection failed: {reason}"; "event" => "control.failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, desk: Desk) {
    let answer = match who(&stream) {
        Err(text) => Answer::refused(text),
        Ok(who) => return converse_with(stream, &who, &desk).await,
    };
    tell(stream, &answer, &desk).await;
}

async fn converse_with(mut stream: UnixStream, who: &str, desk: &Desk) {
    let mut line = String::new();
    let (read, _) = stream.split();
    let mut reader = BufReader::new(read.take(REQUEST_BYTES_MAX));
    let asked = tokio::time::timeout(ASKED_WITHIN, reader.read_line(&mut line)).await;
    let answer = match asked {
        Err(_) => Answer::refused("nothing was asked"),
        Ok(Err(reason)) => Answer::refused(format!("the request cannot be read: {reason}")),
        Ok(Ok(read)) if read as u64 == REQUEST_BYTES_MAX && !line.ends_with('\n') => {
            Answer::refused(format!("a request is a line of at most {REQUEST_BYTES_MAX} bytes"))
        }
        Ok(Ok(_)) => match serde_json::from_str::<Request>(&line) {
            Ok(request) => obey::obey(request, who, desk).await,
            Err(reason) => Answer::refused(format!("not a request: {}", plain(&reason.to_string()))),
        },
    };
    tell(stream, &answer, desk).await;
}

/// What somebody else wrote, for a terminal: short, and without what a terminal obeys.
fn plain(text: &str) -> String {
    text.chars().take(200).flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

async fn tell(mut stream: UnixStream, answer: &Answer, desk: &Desk) {
    let mut line = serde_json::to_vec(answer).expect("an answer is plain data");
    line.push(b'\n');
    let told = async {
        stream.write_all(&line).await?;
        stream.shutdown().await
    };
    if let Err(reason) = told.await {
        warn!(desk.log(), "whoever commanded does not listen to the answer: {reason}"; "event" => "control.unheard");
        return;
    }
    // Who is still writing when the socket closes gets a broken pipe, and may never read why it was refused.
    match tokio::time::timeout(ASKED_WITHIN, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await {
        Ok(Ok(_)) | Err(_) => {}
        Ok(Err(reason)) => {
            debug!(desk.log(), "whoever commanded left early: {reason}"; "event" => "control.left");
        }
    }
}

/// The kernel says who is at the other end: nobody else than the user of this process, or root.
fn who(stream: &UnixStream) -> Result<String, String> {
    let peer = stream.peer_cred().map_err(|reason| format!("nobody knows who asks: {reason}"))?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != own && peer.uid() != 0 {
        return Err(format!("user {} may not command this system", peer.uid()));
    }
    Ok(user_name(peer.uid()))
}

/// As the machine's list of users has it.
pub fn user_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}
