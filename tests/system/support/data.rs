//! Recorded markets beside the workspace, read in place. In: a path below `../shared/data`. Out: where it is, or that it
//! is not there.

use std::io::Read;
use std::path::{Path, PathBuf};

/// A file or folder of the data; `None`, after saying so, where the data is not.
pub fn path(below: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !root.is_dir() {
        println!("skipped: ../shared/data is not there");
        return None;
    }
    let path = root.join(below);
    assert!(path.exists(), "{} is missing from the data", path.display());
    Some(path)
}

/// ESH4, the hour after the reopening on Christmas 2023: 2,973 trades.
pub fn es() -> Option<PathBuf> {
    path("nautilus_trader/tests/test_data/databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst")
}

/// Gold of 2013-10-07, 08 and 09, all contracts.
pub fn gc_ticks() -> Option<[PathBuf; 3]> {
    let folder = path("lean/Data/future/comex/tick/gc")?;
    Some(["07", "08", "09"].map(|day| folder.join(format!("201310{day}_trade.zip"))))
}

/// LEAN's own minute bars of the same days.
pub fn gc_minutes() -> Option<[PathBuf; 3]> {
    let folder = path("lean/Data/future/comex/minute/gc")?;
    Some(["07", "08", "09"].map(|day| folder.join(format!("201310{day}_trade.zip"))))
}

/// Every member of a zip archive: name and text.
pub fn unzip(path: &Path) -> Vec<(String, String)> {
    let file = std::fs::File::open(path).expect("the data can be read");
    let mut archive = zip::ZipArchive::new(file).expect("a zip archive");
    let members = archive.len();
    let read = |at: usize| {
        let mut member = archive.by_index(at).expect("it is in the index");
        let mut text = String::new();
        member.read_to_string(&mut text).expect("a member holds text");
        (member.name().to_owned(), text)
    };
    (0..members).map(read).collect()
}

pub fn gunzip(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("the data can be read");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("a gzip file holds text");
    text
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("paths here are plain")
}
