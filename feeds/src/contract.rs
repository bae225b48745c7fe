//! Names of futures contracts. In: exchange symbols (`ESH4`, `GCZ13`), continuous symbols (`ES.c.0`), LEAN's expiries.
//! Out: root, contract month and one name. Absent: options and spreads, which are not outright futures.

use std::cmp::Ordering;

/// Month letters from January to December.
const MONTH_LETTERS: [u8; 12] = *b"FGHJKMNQUVXZ";

/// One contract of a root symbol. Equality and order look at root and expiry, not at the spelling of the name.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) root: String,
    /// `YYYYMM`, or `YYYYMMDD` where a source gives the day; `None` for a continuous symbol.
    pub(crate) expiry: Option<String>,
    pub(crate) name: String,
}

impl Contract {
    /// Named root, month letter, two-digit year: `GCZ13`. `expiry` begins with `YYYYMM`.
    pub(crate) fn new(root: &str, expiry: Option<&str>) -> Self {
        let name = expiry.and_then(|expiry| name_of(root, expiry)).unwrap_or_else(|| root.to_owned());
        Self { root: root.to_owned(), expiry: expiry.map(str::to_owned), name }
    }

    /// From an exchange symbol. A year of one or two digits is the first from `year_at_least` on that ends so.
    /// `None` for what is not an outright future.
    pub(crate) fn from_exchange_symbol(symbol: &str, year_at_least: i32) -> Option<Self> {
        if let Some((root, kind)) = symbol.split_once('.') {
            let continuous = matches!(kind.split_once('.'), Some(("c" | "n" | "v", "0")));
            return (continuous && is_root(root)).then(|| Self { name: symbol.to_owned(), ..Self::new(root, None) });
        }
        let digits = symbol.bytes().rev().take_while(u8::is_ascii_digit).count();
        if !(1..=2).contains(&digits) || symbol.len() <= digits + 1 || !symbol.is_ascii() {
            return None;
        }
        let (head, year_text) = symbol.split_at(symbol.len() - digits);
        let (root, letter) = head.split_at(head.len() - 1);
        let month = MONTH_LETTERS.iter().position(|known| *known == letter.as_bytes()[0])? + 1;
        let cycle = if digits == 1 { 10 } else { 100 };
        let ending: i32 = year_text.parse().ok()?;
        let year = year_at_least + (ending - year_at_least).rem_euclid(cycle);
        let contract = Self::new(root, Some(&format!("{year:04}{month:02}")));
        is_root(root).then(|| Self { name: symbol.to_owned(), ..contract })
    }

    fn key(&self) -> (&str, Option<&str>) {
        (&self.root, self.expiry.as_deref().map(|expiry| &expiry[..expiry.len().min(6)]))
    }

    /// Whether a person who writes `wanted` means this contract: its name, `GCZ13` for any spelling, its expiry,
    /// or root and expiry as in `GC201312`.
    pub(crate) fn is_called(&self, wanted: &str) -> bool {
        let short = Self::new(&self.root, self.expiry.as_deref());
        let month = self.key().1.unwrap_or_default();
        let one_digit = (short.name.len() == self.root.len() + 3 && self.expiry.is_some())
            .then(|| format!("{}{}", &short.name[..self.root.len() + 1], &short.name[self.root.len() + 2..]));
        [
            Some(self.name.clone()),
            Some(short.name),
            one_digit,
            self.expiry.clone(),
            Some(format!("{}{month}", self.root)),
        ]
        .into_iter()
        .flatten()
        .chain([month.to_owned()])
        .any(|name| !name.is_empty() && name.eq_ignore_ascii_case(wanted))
    }
}

impl PartialEq for Contract {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Contract {}

impl PartialOrd for Contract {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Contract {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

fn is_root(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn name_of(root: &str, expiry: &str) -> Option<String> {
    let month: usize = expiry.get(4..6)?.parse().ok()?;
    let letter = char::from(*MONTH_LETTERS.get(month.checked_sub(1)?)?);
    Some(format!("{root}{letter}{}", expiry.get(2..4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(symbol: &str, year: i32) -> Option<(String, Option<String>)> {
        Contract::from_exchange_symbol(symbol, year).map(|contract| (contract.root, contract.expiry))
    }

    #[test]
    fn exchange_symbols_are_read() {
        let found = |root: &str, expiry: &str| Some((root.to_owned(), Some(expiry.to_owned())));
        assert_eq!(read("ESH4", 2023), found("ES", "202403"));
        assert_eq!(read("ESZ3", 2023), found("ES", "202312"));
        assert_eq!(read("6EH4", 2024), found("6E", "202403"));
        assert_eq!(read("M2KU9", 2020), found("M2K", "202909"));
        assert_eq!(read("ESH24", 2020), found("ES", "202403"));
        assert_eq!(read("CLF1", 2020), found("CL", "202101"));
        assert_eq!(read("ES.c.0", 2020), Some(("ES".to_owned(), None)));
    }

    #[test]
    fn spreads_options_and_noise_are_not_contracts() {
        for symbol in ["ESH4-ESM4", "ESH4 C4500", "H4", "4", "", "ES", "ESA4", "ESH", "ES.FUT", "éSH4", "SPY"] {
            assert_eq!(read(symbol, 2024), None, "{symbol}");
        }
    }

    #[test]
    fn a_contract_answers_to_all_its_names() {
        let gold = Contract::new("GC", Some("201312"));
        assert_eq!(gold.name, "GCZ13");
        for name in ["GCZ13", "gcz3", "201312", "GC201312"] {
            assert!(gold.is_called(name), "{name}");
        }
        for name in ["GC", "GCZ14", "", "2013"] {
            assert!(!gold.is_called(name), "{name}");
        }
        assert_eq!(gold, Contract::new("GC", Some("20131227")), "the same month");
    }
}
