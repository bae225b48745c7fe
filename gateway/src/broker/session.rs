//! Start of a client, ids, accounts, the clock, errors. In: session requests. Out: their answers.

use engine::time::Timestamp;
use engine::venue::Refusal;
use slog::{info, warn};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::options::Pacing;
use crate::script::Event;
use crate::wire::session::{
    CurrentTime, CurrentTimeInMillis, ErrorMessage, ManagedAccounts, NextValidId, StartApiRequest,
};

/// The request id of messages that answer no request.
pub const SYSTEM: i32 = -1;
const CLIENT_ID_IN_USE: i32 = 326;
const BAD_REQUEST: i32 = 320;
pub const INVALID: i32 = 321;
/// Notices that a real gateway sends after the start: its data farms are connected.
const FARM_NOTICES: [(i32, &str); 3] = [
    (2104, "Market data farm connection is OK:usfuture"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
];
/// Cancels of requests that are not served: nothing is left to cancel, so they are accepted.
const CANCELS: [i32; 4] = [11, 13, 23, 57];

impl Broker {
    pub(super) fn start_client(&mut self, conn: ConnId, start: &StartApiRequest) {
        let client_id = start.client_id.unwrap_or(0);
        if self.conn_of(client_id).is_some() || self.is_id_refused(client_id) {
            let text = "Unable to connect as the client id is already in use. Retry with a unique client id.";
            self.error(conn, SYSTEM, CLIENT_ID_IN_USE, text);
            return self.hang_up(conn, "its client id is in use");
        }
        let Some(client) = self.clients.get_mut(&conn) else {
            return;
        };
        client.client_id = Some(client_id);
        let encoding = format!("{:?}", client.encoding);
        info!(self.log, "client {client_id} connected"; "event" => "gateway.client_joined",
            "client" => client_id, "encoding" => encoding);
        self.count_clients();
        self.faults.listing = true;
        // A real gateway replays the client's working orders before it says that the client may trade.
        if self.player.venue().open_orders().any(|order| order.order.client_id == client_id) {
            self.send_open_orders(conn, Some(client_id));
        }
        self.send_managed_accounts(conn);
        self.send_next_id(conn);
        match self.link_notice(client_id) {
            Some((code, text)) => self.error(conn, SYSTEM, code, text),
            None => FARM_NOTICES.iter().for_each(|(code, text)| self.error(conn, SYSTEM, *code, text)),
        }
        self.happens(Event::Connect, Some(client_id), false);
    }

    /// Closes the connection once what was said to it is written.
    pub fn hang_up(&mut self, conn: ConnId, reason: &str) {
        warn!(self.log, "closing connection {conn}: {reason}"; "event" => "gateway.hang_up", "connection" => conn);
        self.edit(conn, |client| client.leaving = true);
    }

    pub(super) fn send_managed_accounts(&mut self, conn: ConnId) {
        let accounts_list = Some(self.account.clone());
        self.send(conn, ManagedAccounts { accounts_list });
    }

    pub(super) fn send_next_id(&mut self, conn: ConnId) {
        let client_id = self.client_id(conn).unwrap_or(0);
        let order_id = Some(self.player.venue().next_order_id(client_id));
        self.send(conn, NextValidId { order_id });
    }

    /// In answered pacing the question of the pacer plays one step first, so the answer follows the step's data.
    pub(super) fn answer_time(&mut self, conn: ConnId, millis: bool) {
        if matches!(self.pace, Pacing::Answered) && self.pacer() == Some(conn) {
            self.play(Timestamp::MAX);
        }
        let now = self.now();
        if self.waits() && self.clock_waits {
            // Whoever asks lets a clock of its own run from here.
            self.lead = self.clock_lead();
        }
        if millis {
            self.send(conn, CurrentTimeInMillis { current_time_in_millis: Some(now.millis()) });
        } else {
            self.send(conn, CurrentTime { current_time: Some(now.secs()) });
        }
    }

    pub(crate) fn error(&mut self, conn: ConnId, id: i32, code: i32, text: &str) {
        let error = ErrorMessage {
            id: Some(id),
            error_time: Some(self.now().millis()),
            error_code: Some(code),
            error_msg: Some(text.to_owned()),
            advanced_order_reject_json: None,
        };
        self.send(conn, error);
    }

    pub(super) fn refuse(&mut self, conn: ConnId, id: i32, refusal: &Refusal) {
        self.error(conn, id, refusal.code, &refusal.text);
    }

    /// A frame could not be read as the message that its id promises; the connection goes on with the next frame.
    /// `order_id` is the order that it was about, if so much could be read.
    pub fn reject_frame(&mut self, conn: ConnId, order_id: Option<i32>, reason: &str) {
        warn!(self.log, "unreadable request: {reason}"; "event" => "gateway.bad_request", "connection" => conn);
        if self.client_id(conn).is_none() {
            return self.hang_up(conn, "its first message is not START_API");
        }
        self.error(conn, order_id.unwrap_or(SYSTEM), BAD_REQUEST, &format!("Error reading request. {reason}"));
    }

    pub(super) fn refuse_unserved(&mut self, conn: ConnId, message_id: i32, req_id: Option<i32>) {
        if CANCELS.contains(&message_id) {
            return;
        }
        let refusal = invalid(&format!("Request {message_id} is not served by this gateway"));
        self.refuse(conn, req_id.unwrap_or(SYSTEM), &refusal);
    }
}

/// Refuses another account than `account`; without a name ours is meant.
pub fn check_account(account: &str, named: Option<&str>) -> Result<(), Refusal> {
    match named {
        None | Some("") => Ok(()),
        Some(named) if named == account => Ok(()),
        Some(named) => Err(invalid(&format!("Invalid account code '{named}', expected {account}"))),
    }
}

/// As [`check_account`], for requests that may also name the group of all accounts.
pub fn check_group(account: &str, named: Option<&str>) -> Result<(), Refusal> {
    if named == Some("All") { Ok(()) } else { check_account(account, named) }
}

/// A request whose content is refused, in the broker's form.
pub fn invalid(cause: &str) -> Refusal {
    Refusal { code: INVALID, text: format!("Error validating request.-'bW' : cause - {cause}") }
}
