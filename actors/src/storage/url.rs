//! Database URLs. In: the text of a configuration. Out: which database it means, and a form that can be shown.

use std::path::PathBuf;

use super::error::StoreOpenError;

/// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?option=value`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    /// As the driver takes it, password included: never shown.
    Postgres(String),
}

impl DatabaseUrl {
    pub fn parse(text: &str) -> Result<DatabaseUrl, StoreOpenError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(DatabaseUrl::Postgres(text.to_owned()));
        }
        // A database in memory would be another one on every connection.
        let path = text.strip_prefix("sqlite:").filter(|path| !path.is_empty() && *path != ":memory:");
        let path = path.map(|path| path.strip_prefix("//").unwrap_or(path));
        path.map(|path| DatabaseUrl::Sqlite(path.into())).ok_or_else(|| StoreOpenError::BadUrl { found: shown(text) })
    }

    /// For messages: without the password.
    pub fn shown(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseUrl::Postgres(url) => shown(url),
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Hides whatever may be a password: between the user's colon and the last `@`, and in a `password` option.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => {
            (user.split_once(':').map_or(format!("{user}@"), |(user, _)| format!("{user}:***@")), place)
        }
        None => (String::new(), rest),
    };
    let place = match place.split_once('?') {
        Some((place, options)) => format!("{place}?{}", shown_options(options)),
        None => place.to_owned(),
    };
    format!("{scheme}://{user}{place}")
}

fn shown_options(options: &str) -> String {
    let hide = |option: &str| match option.split_once('=') {
        Some((name, _)) if name.contains("password") => format!("{name}=***"),
        _ => option.to_owned(),
    };
    options.split('&').map(hide).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        for (url, expected) in [
            ("postgres://pit:s3cret@db:5432/pit", "postgres://pit:***@db:5432/pit"),
            ("postgresql://pit:a@b:c/d@db/pit", "postgresql://pit:***@db/pit"),
            (
                "postgres://pit@db/pit?password=s3cret&sslmode=disable",
                "postgres://pit@db/pit?password=***&sslmode=disable",
            ),
            ("postgres:///pit?host=/run/pg", "postgres:///pit?host=/run/pg"),
        ] {
            let parsed = DatabaseUrl::parse(url).unwrap();
            assert_eq!(parsed.shown(), expected);
            assert_eq!(format!("{parsed:?}"), expected);
        }
    }

    #[test]
    fn a_url_of_another_kind_is_refused_without_its_password() {
        let error = DatabaseUrl::parse("mysql://root:s3cret@db/pit").unwrap_err().to_string();
        assert!(error.contains("mysql://root:***@db/pit") && error.contains("sqlite:PATH"), "{error}");
        for url in ["", "sqlite:", "sqlite::memory:", "pit.db"] {
            DatabaseUrl::parse(url).unwrap_err();
        }
    }

    #[test]
    fn sqlite_paths_may_have_the_slashes_of_a_url() {
        for url in ["sqlite:var/pit.db", "sqlite://var/pit.db"] {
            assert_eq!(DatabaseUrl::parse(url).unwrap(), DatabaseUrl::Sqlite("var/pit.db".into()));
        }
        assert_eq!(DatabaseUrl::parse("sqlite:///var/pit.db").unwrap(), DatabaseUrl::Sqlite("/var/pit.db".into()));
    }
}
