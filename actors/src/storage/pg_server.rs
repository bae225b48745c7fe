//! A real PostgreSQL server for tests. In: nothing. Out: URLs of fresh databases, or that there is no PostgreSQL here.
//! One server serves all tests that run at once; it listens on a free port and on a socket in a folder of its own,
//! does not run as root, and ends with the last test that holds it, or with this process.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub const PASSWORD: &str = "s3cret-word";

pub struct PgServer {
    bin: PathBuf,
    dir: TempDir,
    port: u16,
    databases: AtomicU32,
    keeper: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

static SHARED: Mutex<Weak<PgServer>> = Mutex::new(Weak::new());

/// The running server, or `None` after saying so when PostgreSQL is not installed.
pub fn shared() -> Option<Arc<PgServer>> {
    let Some(bin) = find_bin() else {
        println!("skipped: PostgreSQL's initdb is neither on the PATH nor under /usr/lib/postgresql");
        return None;
    };
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(PgServer::start(bin));
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// A server for one test alone, which may stop it; `None` as for [`shared`].
pub fn alone() -> Option<PgServer> {
    let Some(bin) = find_bin() else {
        println!("skipped: PostgreSQL's initdb is neither on the PATH nor under /usr/lib/postgresql");
        return None;
    };
    Some(PgServer::start(bin))
}

fn find_bin() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        places.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    // Through links, because initdb looks for its companions beside itself.
    let initdb = places.into_iter().map(|place| place.join("initdb")).find_map(|initdb| initdb.canonicalize().ok())?;
    initdb.parent().map(Path::to_path_buf)
}

impl PgServer {
    fn start(bin: PathBuf) -> PgServer {
        let dir = tempfile::Builder::new().prefix("pitboss-pg-").tempdir().expect("a temporary folder");
        let password = dir.path().join("password");
        fs::write(&password, PASSWORD).expect("a temporary folder is writable");
        if am_root() {
            let owner = Command::new("chown").args(["-R", "nobody"]).arg(dir.path()).status().expect("chown");
            assert!(owner.success());
        }
        let mut initdb = unprivileged(&bin.join("initdb"));
        initdb.args(["-U", "pitboss", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "-E", "UTF8"]);
        initdb.args(["--locale=C", "--pwfile"]).arg(&password).arg("-D").arg(dir.path().join("data"));
        let done = initdb.output().expect("initdb was found");
        assert!(done.status.success(), "initdb: {}", String::from_utf8_lossy(&done.stderr));

        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let keeper = Some(keep(&bin, dir.path(), port));
        let server = PgServer { bin, dir, port, databases: AtomicU32::new(0), keeper };
        server.wait_until_ready();
        server
    }

    /// Ends the server as a crash would; its data stay.
    pub fn stop(&mut self) {
        let (stop, keeper) = self.keeper.take().expect("it runs");
        drop(stop);
        keeper.join().expect("the thread that keeps PostgreSQL ends with it");
        fs::remove_file(self.dir.path().join("data/postmaster.pid")).ok();
    }

    /// After [`PgServer::stop`], on the same port.
    pub fn start_again(&mut self) {
        self.keeper = Some(keep(&self.bin, self.dir.path(), self.port));
        self.wait_until_ready();
    }

    /// The URL of a new, empty database, over the socket and without a password.
    pub fn new_database(&self) -> String {
        let name = format!("pit{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut create = Command::new(self.bin.join("createdb"));
        let create = create.arg("-h").arg(self.dir.path()).args(["-U", "pitboss", "-p", &self.port.to_string(), &name]);
        let done = create.output().expect("createdb lies beside initdb");
        assert!(done.status.success(), "createdb: {}", String::from_utf8_lossy(&done.stderr));
        self.url(&name)
    }

    /// The URL of a database by name, over the socket.
    pub fn url(&self, database: &str) -> String {
        let dir = self.dir.path().display().to_string().replace('/', "%2F");
        format!("postgres://pitboss@{dir}:{}/{database}", self.port)
    }

    /// The URL of a database by name, over TCP, where the password is checked.
    pub fn tcp_url(&self, database: &str, password: &str) -> String {
        format!("postgres://pitboss:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL with psql and gives its answer without decoration.
    pub fn sql(&self, url: &str, sql: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        let done = psql.args([url, "-AtXq", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().expect("psql is there");
        assert!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    fn wait_until_ready(&self) {
        let pid_file = self.dir.path().join("data/postmaster.pid");
        let deadline = Instant::now() + Duration::from_secs(60);
        // The server writes its state into the last line, for pg_ctl.
        while !fs::read_to_string(&pid_file).is_ok_and(|text| text.lines().any(|line| line.trim() == "ready")) {
            let log = || fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL did not start: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for PgServer {
    fn drop(&mut self) {
        if let Some((stop, keeper)) = self.keeper.take() {
            drop(stop);
            if keeper.join().is_err() {
                println!("the thread that keeps PostgreSQL panicked");
            }
        }
    }
}

/// Runs the server from a thread that lives as long as it: the death signal follows the thread that started it.
fn keep(bin: &Path, dir: &Path, port: u16) -> (mpsc::Sender<()>, JoinHandle<()>) {
    let mut command = unprivileged(&bin.join("postgres"));
    let socket_dir = format!("unix_socket_directories={}", dir.display());
    command.arg("-D").arg(dir.join("data")).args(["-p", &port.to_string(), "-c", &socket_dir]);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]);
    let log = fs::File::create(dir.join("log")).expect("a temporary folder is writable");
    command.stdout(Stdio::null()).stderr(log);
    let (stop, stopped) = mpsc::channel::<()>();
    let keeper = std::thread::spawn(move || {
        let mut server = command.spawn().expect("postgres lies beside initdb");
        let told = stopped.recv();
        assert!(told.is_err(), "nothing is ever sent; the wait ends when the sender is dropped");
        end(&mut server);
    });
    (stop, keeper)
}

fn end(server: &mut Child) {
    // "Immediate shutdown": its files are thrown away anyway.
    let asked = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
    if !asked.is_ok_and(|status| status.success()) {
        drop(server.kill());
    }
    if let Err(e) = server.wait() {
        println!("PostgreSQL could not be waited for: {e}");
    }
}

fn am_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// A command that ends with this process and, if this is root, runs as `nobody`: PostgreSQL refuses root.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if am_root() {
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    command.args(["--pdeathsig", "QUIT", "--"]).arg(program).current_dir("/");
    command
}
