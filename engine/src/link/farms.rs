//! Which symbols a data farm serves. In: a farm notice's text and an exchange. Out: whether they may belong together.
//! Absent: certainty. Which farm serves an account is not published, so every doubt means yes: a farm that is not in the
//! table concerns all feeds, and a symbol of an exchange that is in no row is concerned by every farm.

/// Exchanges of futures that farms with these beginnings of a name serve, as users' logs show them.
const FARMS: &[(&str, &[&str])] = &[
    ("usfuture", &["CME", "GLOBEX", "CBOT", "ECBOT", "NYMEX", "COMEX", "CFE", "NYBOT", "ICEUS", "NYSELIFFE"]),
    (
        "eufarm",
        &["EUREX", "DTB", "ICEEU", "ICEEUSOFT", "IPE", "MATIF", "MONEP", "BELFOX", "FTA", "IDEM", "OMS", "MEFFRV"],
    ),
    ("hfarm", &["HKFE", "SGX"]),
    ("jfarm", &["OSE.JPN", "OSE", "TSEJ"]),
    ("cafarm", &["CDE"]),
    ("usopt", &[]),
];

/// `usfuture` of `Market data farm connection is broken:usfuture`; `None` if the text names none.
pub fn name_in(text: &str) -> Option<&str> {
    let (_, name) = text.rsplit_once(':')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
    is_name.then_some(name)
}

/// Whether trouble at `farm` may concern instruments of `exchange`.
pub fn may_serve(farm: Option<&str>, exchange: &str) -> bool {
    let known = FARMS.iter().any(|(_, exchanges)| exchanges.contains(&exchange));
    let row = farm.and_then(|farm| FARMS.iter().find(|(name, _)| farm.starts_with(name)));
    match row {
        Some((_, exchanges)) if known => exchanges.contains(&exchange),
        Some(_) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_behind_the_last_colon() {
        assert_eq!(name_in("Market data farm connection is broken:usfuture"), Some("usfuture"));
        assert_eq!(name_in("Market data farm connection is broken:usfuture.nj"), Some("usfuture.nj"));
        assert_eq!(name_in("Market data farm connection is broken"), None);
        assert_eq!(name_in("Note: this is a sentence"), None);
    }

    #[test]
    fn a_doubt_means_yes() {
        assert!(may_serve(Some("usfuture.nj"), "CME") && may_serve(Some("usfuture"), "COMEX"));
        assert!(!may_serve(Some("eufarm"), "CME") && !may_serve(Some("usopt"), "CME"));
        assert!(may_serve(Some("usfarm"), "CME"), "unknown to the table");
        assert!(may_serve(None, "CME"), "no farm is named");
        assert!(may_serve(Some("eufarm"), "MOON"), "an exchange that no row knows");
    }
}
