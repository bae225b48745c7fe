//! From events to actions: each layer's row of the table is looked up, states move, what trading is allowed is told
//! before anything else is done if it becomes less, and after it if it becomes more.

use super::*;

/// For corrupt prices the connection is rebuilt no more often.
const REBUILDS_APART: Duration = Duration::from_secs(300);
/// A gateway that has lost IB's servers for this long may have forgotten to say that they are back.
const LOST_TOO_LONG: Duration = Duration::from_secs(300);

impl Link {
    /// An event that concerns the connection as a whole, and every feed with it.
    pub(super) fn everywhere(&mut self, now: Timestamp, event: Event, cause: &str, out: &mut Vec<Output>) {
        let (socket, upstream) = (lookup(self.socket, event), lookup(self.upstream, event));
        self.socket = socket.and_then(|row| row.to).unwrap_or(self.socket);
        let was = self.upstream;
        self.upstream = upstream.and_then(|row| row.to).unwrap_or(was);
        if self.upstream != State::Lost || was != State::Lost {
            self.lost_too_long_at = (self.upstream == State::Lost).then(|| now + self.too_long());
        }
        for action in [socket, upstream].into_iter().flatten().flat_map(|row| row.actions) {
            self.prepare(now, *action, cause, out);
        }
        self.tell(cause, out);
        for action in [socket, upstream].into_iter().flatten().flat_map(|row| row.actions) {
            self.act(now, *action, cause, out);
        }
        for n in 0..self.feeds.len() {
            self.step_feed(now, n, event, cause, out);
        }
    }

    /// An event of one symbol.
    pub(super) fn at_feed(
        &mut self,
        now: Timestamp,
        symbol: SymbolId,
        event: Event,
        cause: &str,
        out: &mut Vec<Output>,
    ) {
        if usize::from(symbol.0) < self.feeds.len() {
            self.step_feed(now, usize::from(symbol.0), event, cause, out);
        }
    }

    /// An event of a data farm, for every symbol that it may serve.
    pub(super) fn at_farm(&mut self, now: Timestamp, event: Event, text: &str, out: &mut Vec<Output>) {
        let farm = farms::name_in(text);
        for n in 0..self.feeds.len() {
            if farms::may_serve(farm, &self.feeds[n].exchange) {
                self.step_feed(now, n, event, text, out);
            }
        }
    }

    fn too_long(&self) -> Duration {
        LOST_TOO_LONG.max(self.patience)
    }

    /// What has to be so before trading is told.
    fn prepare(&mut self, now: Timestamp, action: Action, cause: &str, out: &mut Vec<Output>) {
        match action {
            Action::TellFeeds => self.feeds.iter_mut().for_each(|feed| feed.told = None),
            Action::TellAgain => {
                self.told = Trading::Paused;
                self.feeds.iter_mut().for_each(|feed| feed.told = None);
            }
            Action::ForgetInventory => (self.asked_at, self.compare_at) = (None, None),
            Action::OutageBegins => self.begin_outage(now, cause, out),
            Action::PathIsBack => {
                if let Some(outage) = &mut self.outage {
                    outage.path_at = Some(now);
                }
            }
            Action::OutageEnds => {
                self.agreed_once = true;
                self.end_outage(now, out);
            }
            _ => {}
        }
    }

    fn act(&mut self, now: Timestamp, action: Action, cause: &str, out: &mut Vec<Output>) {
        match action {
            Action::TakeInventory => self.ask(now, Output::TakeInventory, out),
            // An inventory under way may have been taken before the doubt arose: the books repeat theirs.
            Action::TakeInventoryOnce if self.asked_at.is_some() => {}
            Action::TakeInventoryOnce => self.ask(now, Output::TakeInventory, out),
            Action::ComparePositions => self.ask(now, Output::ComparePositions, out),
            Action::CompareLater => self.compare_at = Some(now + self.compare_every),
            Action::CompareSoon => self.compare_at = Some(now + COMPARE_AGAIN_AFTER),
            Action::DoubtOrders => out.push(Output::Lost),
            Action::Rebuild => out.push(Output::Rebuild { cause: cause.to_owned() }),
            Action::ResubscribeAll => out.push(Output::Resubscribe),
            // Done before trading was told, or a feed's.
            Action::ForgetInventory
            | Action::OutageBegins
            | Action::OutageEnds
            | Action::PathIsBack
            | Action::TellAgain
            | Action::TellFeeds
            | Action::RebuildSeldom
            | Action::Resubscribe
            | Action::AwaitTick
            | Action::TryAtOnce
            | Action::Alarm
            | Action::AlarmEnds => {}
        }
    }

    fn ask(&mut self, now: Timestamp, question: Output, out: &mut Vec<Output>) {
        if question == Output::TakeInventory && sabotage::is(Sabotage::SkipReconciliation) {
            return;
        }
        self.asked_at = Some(now);
        self.compare_at = None;
        out.push(question);
    }

    /// A loss before book and broker ever agreed, and one within another, is none.
    fn begin_outage(&mut self, now: Timestamp, cause: &str, out: &mut Vec<Output>) {
        if !self.agreed_once {
            return;
        }
        if let Some(outage) = &mut self.outage {
            outage.path_at = None;
            return;
        }
        let outage = Outage::begin(now, self.plan.as_ref().map_or(&[], Plan::windows));
        let (severity, event, text) = outage.told_at_its_beginning(cause);
        Self::say(severity, event, text, out);
        self.outage = Some(outage);
    }

    fn end_outage(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(outage) = self.outage.take() else { return };
        let liquidates = outage.liquidates(&self.policy, now);
        let (severity, event, text) = outage.told_at_its_end(now, liquidates);
        Self::say(severity, event, text, out);
        if liquidates {
            self.liquidating = Some(Liquidation::UntilFlat);
        }
    }

    pub(super) fn step_feed(&mut self, now: Timestamp, n: usize, event: Event, cause: &str, out: &mut Vec<Output>) {
        let feed = &mut self.feeds[n];
        if let Some(row) = lookup(feed.state, event) {
            let was = feed.state;
            feed.state = row.to.unwrap_or(was);
            if feed.state == State::Off {
                feed.listening = false;
            }
            for action in row.actions {
                self.act_on_feed(now, n, (was, event), *action, cause, out);
            }
        }
        let feed = &mut self.feeds[n];
        if event == Event::FarmNotice && sabotage::is(Sabotage::TrustFarm) {
            feed.state = State::Live;
        }
        // Whether it may be entered: said when it changes, and to books that were just told nothing.
        let (symbol, live) = (feed.symbol, feed.is_live());
        if self.upstream != State::Unknown && feed.told != Some(live) {
            feed.told = Some(live);
            out.push(Output::Feed { symbol, live });
        }
    }

    fn act_on_feed(
        &mut self,
        now: Timestamp,
        n: usize,
        from: (State, Event),
        action: Action,
        cause: &str,
        out: &mut Vec<Output>,
    ) {
        let feed = &mut self.feeds[n];
        match action {
            Action::AwaitTick => {
                feed.await_tick(now);
                out.push(Output::Listen(feed.symbol));
            }
            Action::TryAtOnce => feed.tries = 0,
            Action::Resubscribe => {
                feed.tries += 1;
                out.push(Output::ResubscribeOne(feed.symbol));
            }
            Action::RebuildSeldom if now >= self.rebuild_after => {
                self.rebuild_after = now + REBUILDS_APART;
                let cause = format!("prices of {} stay corrupt after a new subscription: {cause}", feed.name);
                out.push(Output::Rebuild { cause });
            }
            Action::Alarm => {
                let (severity, event, text) = watch::alarm(feed, now, from, cause);
                feed.alarmed = true;
                Self::say(severity, event, text, out);
            }
            Action::AlarmEnds if feed.alarmed => {
                feed.alarmed = false;
                let text = format!("{}: a fresh tick came, entries are allowed again", feed.name);
                Self::say(Severity::Info, "feed.fresh", text, out);
            }
            _ => {}
        }
    }
}
