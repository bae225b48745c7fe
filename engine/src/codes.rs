//! What the broker's message codes mean for an order. Codes are data; an unknown one is a warning, never fatal.
//! Source: IB's message-code tables, and live reports of 399, 10349 and 202 that contradict a literal reading.

/// What an order message may mean. Only status and executions end an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// Says what the status will say as well.
    Info,
    /// The order lives on; an operator may want to know.
    Warning,
    /// The order may be dead: ask the broker for its inventory.
    TerminalCandidate,
}

/// Sorted by code.
const TABLE: &[(i32, Meaning, &str)] = &[
    (103, Meaning::TerminalCandidate, "duplicate order id"),
    (104, Meaning::Warning, "cannot modify a filled order"),
    (105, Meaning::Warning, "modification does not match the order"),
    (110, Meaning::TerminalCandidate, "price off the tick grid"),
    (135, Meaning::TerminalCandidate, "no order with this id"),
    (136, Meaning::Warning, "order cannot be cancelled"),
    (161, Meaning::Warning, "cancel of an order that is not cancellable"),
    (200, Meaning::TerminalCandidate, "no security definition"),
    (201, Meaning::TerminalCandidate, "order rejected"),
    (202, Meaning::Info, "order cancelled"),
    (203, Meaning::TerminalCandidate, "security not allowed for this account"),
    (321, Meaning::TerminalCandidate, "request failed validation"),
    (382, Meaning::TerminalCandidate, "price precaution"),
    (383, Meaning::TerminalCandidate, "size precaution"),
    (399, Meaning::Warning, "order message"),
    (434, Meaning::TerminalCandidate, "order size is zero"),
    (451, Meaning::TerminalCandidate, "value precaution"),
    (2109, Meaning::Info, "outside regular hours is ignored for this order"),
    (10147, Meaning::TerminalCandidate, "order to cancel is not found"),
    (10148, Meaning::TerminalCandidate, "order cannot be cancelled in its state"),
    (10349, Meaning::Warning, "time in force was changed by a preset"),
];

pub fn order_message(code: i32) -> Meaning {
    TABLE.binary_search_by_key(&code, |row| row.0).map_or(Meaning::Warning, |row| TABLE[row].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_unknown_codes_are_warnings() {
        assert!(TABLE.is_sorted_by_key(|row| row.0));
        assert_eq!(order_message(201), Meaning::TerminalCandidate);
        assert_eq!(order_message(10349), Meaning::Warning, "filled in one live case");
        assert_eq!(order_message(424_242), Meaning::Warning);
    }
}
