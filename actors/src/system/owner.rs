//! Whose journal it is. In: the last session's own words, and a configuration. Out: a refusal where orders or positions
//! would be taken for somebody else's. Absent: the lock on the folder; the journal has that.

use engine::books::BooksState;
use engine::config::Config;
use engine::journal::SessionInfo;

use super::SystemError;

/// Orders are known at the broker by the installation's name: under another one, those that live would be strangers. An
/// account that is not the one of the positions would be found not to hold them.
pub(super) fn check(info: &SessionInfo, config: &Config, books: &BooksState) -> Result<(), SystemError> {
    let open = books.portfolio.sleeves().any(|(_, _, sleeve)| sleeve.quantity != 0);
    if !open && books.orders.live().next().is_none() {
        return Ok(());
    }
    if info.instance != config.instance.name {
        return Err(SystemError::OtherInstance { was: info.instance.clone(), is: config.instance.name.clone() });
    }
    match &config.broker.account {
        Some(account) if !info.account.is_empty() && info.account != *account => {
            Err(SystemError::OtherAccount { was: info.account.clone(), is: account.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use engine::config::raw::{Known, Layer, read};
    use engine::journal::Mode;
    use engine::market::{Price, SymbolId};
    use engine::time::Timestamp;
    use engine::trade::{BrokerOrderId, ClientOrderId, Leg, OrderKind, OrderTicket, Side, StrategyId, TimeInForce};

    use super::*;

    fn config() -> Config {
        read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("the default is valid")
    }

    fn info(config: &Config) -> SessionInfo {
        SessionInfo {
            id: "20240612T132501Z-0001".into(),
            mode: Mode::Run,
            instance: config.instance.name.clone(),
            account: "DU1".into(),
            instruments: config.instruments.clone(),
            strategies: Vec::new(),
        }
    }

    fn with_a_live_stop() -> BooksState {
        let mut books = BooksState::default();
        let ticket = OrderTicket {
            id: ClientOrderId(7),
            order_id: BrokerOrderId(7),
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            leg: Leg::Stop,
            side: Side::Sell,
            quantity: 1,
            kind: OrderKind::Stop(Price(19_980)),
            tif: TimeInForce::GoodTillCancelled,
            parent: None,
            oca_group: None,
            transmit: true,
            order_ref: "sim-7".into(),
        };
        books.orders.place(Timestamp::default(), ticket);
        books
    }

    #[test]
    fn a_journal_with_something_open_goes_on_under_its_own_name_and_account_only() {
        let mut config = config();
        let (info, open) = (info(&config), with_a_live_stop());
        assert!(check(&info, &config, &open).is_ok());
        config.broker.account = Some("DU2".into());
        assert!(matches!(check(&info, &config, &open), Err(SystemError::OtherAccount { .. })));
        assert!(check(&info, &config, &BooksState::default()).is_ok(), "flat: nothing can be mistaken");
        config.broker.account = Some("DU1".into());
        config.instance.name = "other".into();
        let refused = check(&info, &config, &open).expect_err("another name");
        assert!(refused.to_string().contains("instance.name"), "{refused}");
        assert!(check(&info, &config, &BooksState::default()).is_ok());
    }
}
