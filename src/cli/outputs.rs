//! Files that a command will write. In: the paths that somebody named. Out: an error before any work is done. One rule for
//! all commands: a file is made or replaced, the folder that it lies in has to be there, and none is made unasked.

use std::path::Path;

use super::{Failure, Outcome};

/// Every file of `paths` can be made where it is wanted, as far as its folder goes. `option` is where it was named.
pub(super) fn check<'a>(paths: impl IntoIterator<Item = (&'a str, Option<&'a Path>)>) -> Outcome {
    paths.into_iter().filter_map(|(option, path)| Some((option, path?))).try_for_each(|(option, path)| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder {
            Some(folder) if !folder.is_dir() => Err(Failure::usage(format!(
                "{option} {}: there is no folder {}; make it first",
                path.display(),
                folder.display()
            ))),
            _ => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_is_told_with_its_option() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (good, bad) = (folder.path().join("a.csv"), folder.path().join("not/there.csv"));
        assert!(check([("--out", Some(good.as_path())), ("--html", None), ("--csv", Some(Path::new("a")))]).is_ok());
        let told = check([("--out", Some(bad.as_path()))]).expect_err("no folder").text;
        assert!(told.starts_with("--out ") && told.contains("there is no folder"), "{told}");
        assert!(!folder.path().join("not").exists(), "none was made");
    }
}
