//! What tests need from the system: a PostgreSQL server to start themselves, Python's `venv`, and Node.js with npm.
//! Installs Debian packages when it may; otherwise says what to install, and the tests that need it say `skipped`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step;

struct Need {
    what: &'static str,
    package: &'static str,
    is_there: fn() -> bool,
}

const NEEDS: [Need; 4] = [
    Need { what: "a PostgreSQL server (initdb)", package: "postgresql", is_there: has_postgres },
    Need { what: "Python 3 with venv", package: "python3-venv", is_there: has_python },
    Need { what: "Node.js 18 or newer", package: "nodejs", is_there: has_node },
    Need { what: "npm", package: "npm", is_there: has_npm },
];

/// Installs what is missing. Never fails: without it fewer tests run, and each of those says so.
pub fn provide() {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return;
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if let Some(as_root) = as_root()
        && Path::new("/usr/bin/apt-get").exists()
    {
        println!("installing Debian packages for tests: {}", packages.join(" "));
        let update = step::aloud(&mut apt_get(&as_root, &["update"]));
        let install = [&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat();
        // An update that fails for one of several sources does not keep packages from being installed.
        if !step::aloud(&mut apt_get(&as_root, &install)) && !update {
            println!("no package source was reached");
        }
    }
    for need in missing.iter().filter(|need| !(need.is_there)()) {
        println!(
            "missing: {}; tests that need it are skipped. Install it with: apt-get install {}",
            need.what, need.package
        );
    }
}

/// The words in front of a command that make it run as root; `None` if nothing does without a password.
fn as_root() -> Option<Vec<&'static str>> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if is_root { Some(vec!["env"]) } else { step::quietly("sudo", &["-n", "true"]).then(|| vec!["sudo", "-n", "env"]) }
}

fn apt_get(as_root: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(as_root[0]);
    command.args(&as_root[1..]).args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]).args(arguments);
    command
}

/// Debian keeps the server's programs outside the search path, in a folder for each version.
fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .chain(std::env::split_paths(&path))
        .map(|folder: PathBuf| folder.join("initdb"))
        .any(|initdb| initdb.is_file())
}

fn has_python() -> bool {
    step::quietly("python3", &["-c", "import venv, ensurepip"])
}

/// Also asked before packages that were installed earlier are used.
pub fn has_node() -> bool {
    step::quietly("node", &["-e", "process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)"])
}

fn has_npm() -> bool {
    step::quietly("npm", &["--version"])
}
