//! Python environments with the API clients that tests run against the simulated gateway. In: requirements files.
//! Out: variables that name each environment's interpreter. Absent: the tests, which skip what has no interpreter.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step;

/// Requirements file, and the variable in which tests find the interpreter.
const ENVIRONMENTS: [(&str, &str); 2] =
    [("clients", "PITBOSS_PYTHON_CLIENTS"), ("official", "PITBOSS_PYTHON_OFFICIAL")];

/// Makes the environments that are missing or out of date. One that cannot be made is named and left out.
pub fn environments(requirements: &Path, venvs: &Path) -> Vec<(&'static str, PathBuf)> {
    let made = ENVIRONMENTS.iter().filter_map(|(name, variable)| {
        let file = requirements.join(format!("{name}.txt"));
        match environment(&file, &venvs.join(name)) {
            Ok(interpreter) => Some((*variable, interpreter)),
            Err(error) => {
                println!("missing: Python packages of {}: {error}; tests that need them are skipped", file.display());
                None
            }
        }
    });
    made.collect()
}

fn environment(requirements: &Path, venv: &Path) -> io::Result<PathBuf> {
    let wanted = fs::read_to_string(requirements)?;
    let interpreter = venv.join("bin/python");
    step::make_folder(
        venv,
        "requirements.installed",
        &wanted,
        || interpreter.exists(),
        || {
            step::run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
            step::run(Command::new(&interpreter).args(pip).arg(requirements))
        },
    )?;
    Ok(interpreter)
}
