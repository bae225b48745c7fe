//! The way of a message to a client through the faults in force. In: a response. Out: it is sent, changed, doubled,
//! held back or withheld. Absent: market data, which takes the way of `data`.

use rand_chacha::rand_core::Rng as _;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::faults::effect::{Effect, Fate, Gathering};
use crate::faults::state::Held;
use crate::wire::response::Response;

impl Broker {
    /// Sends a message as the faults in force let it through.
    pub(crate) fn tell_client(&mut self, conn: ConnId, mut response: Response) {
        let client = self.client_of(conn);
        let (now, listing) = (self.now(), self.faults.listing);
        let mut copies = 1;
        let faults = &mut self.faults;
        for fault in faults.running.iter_mut().filter(|fault| fault.concerns(client)) {
            match fault.effect.outgoing(&mut response, listing) {
                Fate::Pass => {}
                Fate::Copies(count) => copies *= count,
                Fate::Withhold => {
                    let name = fault.call.spec.name;
                    faults.transcript.withheld(now, conn, client, &response, name);
                    return;
                }
                Fate::Later(by) => {
                    let held = Held { at: Some(now + by), by: fault.id, conn, response };
                    faults.held.push(held);
                    return faults.wake.notify_one();
                }
                Fate::AtEnd => {
                    faults.held.push(Held { at: None, by: fault.id, conn, response });
                    return;
                }
                Fate::Gathered(gathering) => {
                    let copied = std::iter::repeat_n((gathering, conn, response), copies as usize);
                    return faults.gathered.extend(copied);
                }
            }
        }
        for _ in 0..copies {
            self.put(conn, &response);
        }
    }

    /// Sends what was gathered of one request or step, each client's in the fault's order.
    pub(crate) fn send_gathered(&mut self) {
        let mut gathered = std::mem::take(&mut self.faults.gathered);
        if gathered.iter().any(|(gathering, ..)| *gathering == Gathering::Shuffled) {
            // Fisher and Yates: every order is equally likely.
            for last in (1..gathered.len()).rev() {
                let at = self.faults.chance.next_u64() % (last as u64 + 1);
                gathered.swap(last, usize::try_from(at).expect("an index"));
            }
        }
        gathered.sort_by_key(|(gathering, _, response)| match gathering {
            Gathering::First(id) => response.message_id() != *id,
            Gathering::Shuffled => true,
        });
        for (_, conn, response) in gathered {
            self.put(conn, &response);
        }
    }

    /// Whether market data of this client is withheld, whatever the market does.
    pub(crate) fn is_data_silent(&self, client: Option<i32>) -> bool {
        self.faults.effects(client).any(|fault| match &fault.effect {
            Effect::Data(fault) => fault.is_silence(),
            Effect::Outage(_) => true,
            Effect::Farm(farm) => farm.silent,
            _ => false,
        })
    }
}
