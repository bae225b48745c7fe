//! A number of contracts, whatever happens. The strategy's `quantity = N` is this.

use super::Answer;

pub(super) fn contracts(contracts: u32) -> Answer {
    Ok((u128::from(contracts), "always".to_owned()))
}
