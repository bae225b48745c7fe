//! What is said when a database cannot be opened: which one, why, and never its password.

use std::fs;
use std::net::TcpListener;

use super::*;
use crate::storage::pg_server::{self, PASSWORD};

fn refusal(url: &str, options: OpenOptions) -> String {
    match run(open(url, options)) {
        Ok(_) => panic!("{url} must not open"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn sqlite_makes_its_folder_and_file_once() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite:{}", dir.path().join("var/data/pit.db").display());
    for _ in 0..2 {
        let store = run(open(&url, OPTIONS)).unwrap();
        assert_eq!(store.url(), url);
        assert_eq!(run(store.sessions()).unwrap(), []);
        assert_eq!(run(store.session("none")).unwrap(), None);
    }
}

#[test]
fn whoever_only_reads_is_told_that_there_is_nothing() {
    let dir = TempDir::new().unwrap();
    let error = refusal(&sqlite_url(dir.path()), OpenOptions { create: false, ..OPTIONS });
    assert!(error.contains(&sqlite_url(dir.path())) && error.contains("there is no such file"), "{error}");
    assert!(!dir.path().join("pit.db").exists());
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("pit.db"), "minutes of the last meeting").unwrap();
    let error = refusal(&sqlite_url(dir.path()), OPTIONS);
    assert!(error.contains("pit.db: the file is not an SQLite database"), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join("pit.db")).unwrap(), "minutes of the last meeting");
}

#[test]
fn a_path_that_cannot_be_is_explained() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = refusal(&format!("sqlite:{}", dir.path().join("file/pit.db").display()), OPTIONS);
    assert!(error.contains("cannot open or make the file: Not a directory"), "{error}");
    let error = refusal(&format!("sqlite:{}", dir.path().display()), OPTIONS);
    assert!(error.contains("cannot open or make the file") && error.contains("directory"), "{error}");
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let dir = TempDir::new().unwrap();
    let url = sqlite_url(dir.path());
    drop(run(open(&url, OPTIONS)).unwrap());
    let mut conn =
        <diesel::SqliteConnection as diesel::Connection>::establish(url.trim_start_matches("sqlite:")).unwrap();
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')";
    diesel::connection::SimpleConnection::batch_execute(&mut conn, newer).unwrap();
    let error = refusal(&url, OPTIONS);
    assert!(error.contains("migration 99999999999999 is unknown here"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().port();
    let error = refusal(&format!("postgres://pit:{PASSWORD}@127.0.0.1:{port}/pit"), OPTIONS);
    assert!(error.contains("cannot be reached") && error.contains("refused"), "{error}");
    assert!(error.contains(&format!("postgres://pit:***@127.0.0.1:{port}/pit")), "{error}");
    assert!(!error.contains(PASSWORD), "{error}");
}

#[test]
fn postgresql_says_what_it_dislikes() {
    let Some(server) = pg_server::shared() else { return };
    let url = server.new_database();
    let name = url.rsplit('/').next().unwrap();
    drop(run(open(&server.tcp_url(name, PASSWORD), OPTIONS)).unwrap());

    let error = refusal(&server.tcp_url(name, "wrong"), OPTIONS);
    assert!(error.contains("the server refuses: password authentication failed"), "{error}");
    let error = refusal(&server.tcp_url("nowhere", PASSWORD), OPTIONS);
    assert!(error.contains("database \"nowhere\" does not exist"), "{error}");
    assert!(!error.contains(PASSWORD), "{error}");

    server.sql(&url, "CREATE ROLE clerk LOGIN PASSWORD 'clerk'");
    let fresh = server.new_database();
    let tcp = server.tcp_url(fresh.rsplit('/').next().unwrap(), "clerk").replace("pitboss:", "clerk:");
    let error = refusal(&tcp, OPTIONS);
    assert!(error.contains("cannot make its tables: permission denied"), "{error}");
}

async fn open_thrice(url: &str) {
    let (one, two, three) = futures::join!(open(url, OPTIONS), open(url, OPTIONS), open(url, OPTIONS));
    for opened in [one, two, three] {
        assert_eq!(opened.unwrap().sessions().await.unwrap(), []);
    }
}

#[test]
fn several_programs_may_open_a_new_database_at_once() {
    for _ in 0..20 {
        let dir = TempDir::new().unwrap();
        run(open_thrice(&sqlite_url(dir.path())));
    }
    if let Some(server) = pg_server::shared() {
        run(open_thrice(&server.new_database()));
    }
}
