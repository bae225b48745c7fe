//! Node.js packages that hold the TimescaleDB which tests run against. In: a lock file. Out: a variable that names the
//! folder with `node_modules`. Absent: the server's script, which tests run from `xtask/node`; it and they do the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{needs, step};

/// In which tests find the folder.
const VARIABLE: &str = "PITBOSS_NODE";

/// Installs the packages that are missing or out of date. If that cannot be, it is said and nothing is given.
pub fn packages(listed: &Path, installed: &Path) -> Option<(&'static str, PathBuf)> {
    match install(listed, installed) {
        Ok(()) => Some((VARIABLE, installed.to_owned())),
        Err(error) => {
            let lock = listed.join("package-lock.json");
            println!("missing: Node.js packages of {}: {error}; tests that need them are skipped", lock.display());
            None
        }
    }
}

fn install(listed: &Path, installed: &Path) -> io::Result<()> {
    if !needs::has_node() {
        return Err(io::Error::other("there is no Node.js that is new enough"));
    }
    let wanted = fs::read_to_string(listed.join("package-lock.json"))?;
    let whole = || installed.join("node_modules").exists();
    step::make_folder(installed, "lock.installed", &wanted, whole, || {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(listed.join(file), installed.join(file))?;
        }
        let npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        step::run(Command::new("npm").args(npm).current_dir(installed))
    })
}
