"""A trading day with Interactive Brokers' own Python client (package ibapi, old or new) on the market of
tests/system/clients/market.rs; what its callbacks say is checked exactly.

Usage: official_scenarios.py HOST PORT
The gateway must play that market with --speed max: the first client that subscribes to ticks moves it, a step with each
question for the time. That client here is `Desk.pacer`, which does not trade.
"""
import sys
import time

from ibapi.execution import ExecutionFilter

from official_app import WAIT_S, App, cancel, future, order
from scenarios import Unexpected, expect, expect_that, run, scenario

HOST, PORT = sys.argv[1], int(sys.argv[2])
STEPS_MAX = 400
TRADER, PACER, OTHER = 7, 50, 8


class Desk:
    def __init__(self):
        self.pacer = App(HOST, PORT, PACER).started()
        self.pacer.reqContractDetails(1, future())
        self.pacer.wait("the contracts", lambda: self.pacer.all("contractDetailsEnd"))
        found = {d.contract.localSymbol: d.contract.conId for _, d in self.pacer.all("contractDetails")}
        # June stands still at 5000.00 / 5000.25; September swings between 5050 and 5054.
        self.june, self.sept = (future(conId=found[name]) for name in ("ESM4", "ESU4"))
        self.pacer.reqTickByTickData(11, self.june, "BidAsk", 0, False)
        self.pacer.reqTickByTickData(12, self.sept, "Last", 0, False)
        self.positions, self.requests = {}, 1000
        self.open()

    def open(self):
        self.app = App(HOST, PORT, TRADER).started()
        self.next_id = self.app.all("nextValidId")[-1][0]
        self.app.reqPositions()
        self.app.reqAccountUpdates(True, self.app.all("managedAccounts")[0][0])
        self.app.settle()

    def step(self, count=1):
        for _ in range(count):
            self.pacer.settle()
        self.app.settle()

    def step_until(self, what, condition):
        for _ in range(STEPS_MAX):
            if condition():
                return
            self.step()
        raise Unexpected(f"{what}: not within {STEPS_MAX} steps of the market")

    def fresh_quote(self, ask_size):
        """Plays until the last that happened is a quote of June with this many contracts on offer."""
        quotes = lambda: self.pacer.all("tickByTickBidAsk")
        seen = len(quotes())
        self.step_until("a fresh quote", lambda: len(quotes()) > seen and float(quotes()[-1][5]) == ask_size)

    def swing_is_at(self, price, rising):
        """Plays until September has just traded here, on its way up or down."""
        trades = lambda: [values[3] for values in self.pacer.all("tickByTickAllLast")]
        seen = len(trades())

        def there():
            last = trades()[-2:]
            return len(trades()) > seen and len(last) == 2 and last[1] == price and (last[0] < price) == rising
        self.step_until("the swing", there)

    def place(self, contract, made, order_id=None):
        order_id = order_id or self.take_id()
        self.app.placeOrder(order_id, contract, made)
        self.app.settle()
        return order_id

    def take_id(self):
        self.next_id += 1
        return self.next_id - 1

    def take_request(self):
        self.requests += 1
        return self.requests

    def position(self, contract):
        held = [values[2] for values in self.app.all("position") if values[1].conId == contract.conId]
        return float(held[-1]) if held else 0

    def open_orders(self):
        """What the gateway says is open, by permanent id."""
        start = len(self.app.calls)
        ends = len(self.app.all("openOrderEnd"))
        self.app.reqAllOpenOrders()
        self.app.wait("open orders", lambda: len(self.app.all("openOrderEnd")) > ends)
        return {values[2].permId: values for name, values in self.app.calls[start:] if name == "openOrder"}

    def ask(self, request, callback, end, *arguments):
        """Arguments of each answer to a request with an id, up to its end."""
        req_id = self.take_request()
        request(req_id, *arguments)
        self.app.wait(end, lambda: any(values[0] == req_id for values in self.app.all(end)))
        return [values for values in self.app.all(callback) if values[0] == req_id]

    def account_value(self, key):
        return float([values[1] for values in self.app.all("updateAccountValue") if values[0] == key][-1])


def flat(desk):
    """No orders, no positions."""
    if not desk.app.isConnected():
        desk.open()
    for values in desk.open_orders().values():
        if values[2].clientId == TRADER:
            cancel(desk.app, values[0])
    desk.app.settle()
    for contract in (desk.june, desk.sept):
        held = desk.position(contract)
        if held:
            desk.place(contract, order("SELL" if held > 0 else "BUY", int(abs(held)), "MKT"))
            desk.step_until("flat again", lambda: desk.position(contract) == 0)
    expect("orders between scenarios", desk.open_orders(), {})


@scenario
def connect(desk):
    expect("accounts", desk.app.all("managedAccounts")[0][0], "DU1234567")
    expect_that("server version", desk.app.serverVersion() in (157, 225), desk.app.serverVersion())
    expect_that("a first order id", desk.next_id >= 1)
    return desk.app.serverVersion()


@scenario
def qualify(desk):
    details = [values[1] for values in desk.ask(desk.app.reqContractDetails, "contractDetails", "contractDetailsEnd",
                                                future())]
    # Later months are listed too, without a market.
    expect("both months", [d.contract.localSymbol for d in details][:2], ["ESM4", "ESU4"])
    june = next(d for d in details if d.contract.conId == desk.june.conId)
    expect("of June", (june.minTick, float(june.contract.multiplier), june.contract.lastTradeDateOrContractMonth[:8],
                       june.contract.tradingClass, june.timeZoneId), (0.25, 50.0, "20240621", "ES", "US/Central"))
    rule_id = int(june.marketRuleIds.split(",")[0])
    desk.app.reqMarketRule(rule_id)
    desk.app.settle()
    steps = [values[1] for values in desk.app.all("marketRule") if values[0] == rule_id][0]
    expect("price steps", [(step.lowEdge, step.increment) for step in steps], [(0, 0.25)])
    req_id = desk.take_request()
    desk.app.reqContractDetails(req_id, future(symbol="NOPE"))
    desk.app.settle()
    expect("an unknown root", desk.app.codes(req_id), [200])


@scenario
def stream(desk):
    kinds = {"Last": "tickByTickAllLast", "AllLast": "tickByTickAllLast", "BidAsk": "tickByTickBidAsk",
             "MidPoint": "tickByTickMidPoint"}
    requests = {kind: desk.take_request() for kind in kinds}
    for kind, req_id in requests.items():
        desk.app.reqTickByTickData(req_id, desk.june, kind, 0, False)
    desk.app.settle()
    desk.step(12)
    seen = {kind: [v for v in desk.app.all(kinds[kind]) if v[0] == req_id] for kind, req_id in requests.items()}
    for kind, number in (("Last", 1), ("AllLast", 2)):
        _, tick_type, _, price, size, _, exchange, _ = seen[kind][0]
        expect(f"a trade of {kind}", (tick_type, price, float(size), exchange), (number, 5000.0, 2, "CME"))
    quote = seen["BidAsk"][0]
    expect("a quote", (quote[2], quote[3], float(quote[4])), (5000.0, 5000.25, 3))
    expect("a middle", seen["MidPoint"][0][2], 5000.125)
    for req_id in requests.values():
        desk.app.cancelTickByTickData(req_id)
    desk.app.settle()
    count = len(desk.app.all("tickByTickBidAsk"))
    desk.step(8)
    expect("quotes after the cancel", len(desk.app.all("tickByTickBidAsk")), count)
    # Three seconds of the market; a middle that does not move is told once.
    counts = {kind: len(ticks) for kind, ticks in seen.items()}
    expect("ticks", counts, {"Last": 3, "AllLast": 3, "BidAsk": 3, "MidPoint": 1})
    return counts


@scenario
def place_modify_cancel(desk):
    far = desk.place(desk.june, order("BUY", 1, "LMT", lmtPrice=4990, tif="GTC", orderRef="far"))
    expect("status", desk.app.status(far)[:3], ("Submitted", 0, 1))
    desk.place(desk.june, order("BUY", 2, "LMT", lmtPrice=4989.75, tif="GTC", orderRef="far"), far)
    shown = [values for values in desk.open_orders().values() if values[0] == far][0][2]
    expect("the change", (shown.lmtPrice, float(shown.totalQuantity), shown.tif, shown.orderRef),
           (4989.75, 2, "GTC", "far"))
    cancel(desk.app, far)
    desk.app.settle()
    expect("the end", desk.app.status(far)[:3], ("Cancelled", 0, 2))
    expect_that("202", 202 in desk.app.codes(far), desk.app.codes(far))
    return desk.app.statuses(far)


@scenario
def partial_fill(desk):
    desk.fresh_quote(ask_size=2)
    market = desk.place(desk.june, order("BUY", 5, "MKT"))
    expect("at once", desk.app.fills(market), [(2, 5000.25)])
    expect("in between", desk.app.status(market), ("Submitted", 2, 3, 5000.25))
    desk.step_until("the rest", lambda: desk.app.status(market)[0] == "Filled")
    expect("fills", desk.app.fills(market), [(2, 5000.25), (3, 5000.25)])
    executions = desk.app.executions(market)
    expect("so far", [float(fill.cumQty) for fill in executions], [2, 5])
    expect("status", desk.app.status(market), ("Filled", 5, 0, 5000.25))
    commissions = desk.app.commissions()
    expect("commissions", [commissions[fill.execId][0] for fill in executions], [4.5, 6.75])
    expect("position", desk.position(desk.june), 5)
    return desk.app.fills(market)


@scenario
def limit_waits_its_turn(desk):
    desk.fresh_quote(ask_size=3)
    # Three contracts stand before it, and each trade takes two: of the second, one is left for it.
    limit = desk.place(desk.june, order("BUY", 4, "LMT", lmtPrice=5000))
    expect("at first", desk.app.status(limit)[:3], ("Submitted", 0, 4))
    desk.step_until("all of it", lambda: desk.app.status(limit)[0] == "Filled")
    expect("fills", desk.app.fills(limit), [(1, 5000.0), (2, 5000.0), (1, 5000.0)])
    left = [float(values[3]) for values in desk.app.all("orderStatus") if values[0] == limit]
    expect("what was left each time", sorted(set(left), reverse=True), [4, 3, 1, 0])
    return [shares for shares, _ in desk.app.fills(limit)]


@scenario
def partial_fill_then_cancel(desk):
    desk.fresh_quote(ask_size=3)
    limit = desk.place(desk.june, order("BUY", 4, "LMT", lmtPrice=5000))
    desk.step_until("the first fill", lambda: desk.app.fills(limit))
    cancel(desk.app, limit)
    desk.app.settle()
    expect("the end", desk.app.status(limit)[:3], ("Cancelled", 1, 3))
    desk.step(8)
    expect("nothing more", (desk.app.fills(limit), desk.position(desk.june)), ([(1, 5000.0)], 1))


def bracket(desk, entry, profit, loss):
    """Ids of the parent, the profit and the stop, all sent."""
    parent, target, stop = (desk.take_id() for _ in range(3))
    place = desk.app.placeOrder
    place(parent, desk.sept, order("BUY", 2, "LMT", lmtPrice=entry, transmit=False))
    place(target, desk.sept, order("SELL", 2, "LMT", lmtPrice=profit, parentId=parent, transmit=False))
    place(stop, desk.sept, order("SELL", 2, "STP", auxPrice=loss, parentId=parent, transmit=True))
    desk.app.settle()
    return parent, target, stop


@scenario
def bracket_takes_its_profit(desk):
    desk.swing_is_at(5050.0, rising=False)
    parent, profit, loss = bracket(desk, 5051, 5053, 5040)
    expect("the entry at the offer", (desk.app.fills(parent), desk.app.status(parent)[0]), ([(2, 5050.25)], "Filled"))
    expect("the children", (desk.app.status(profit)[0], desk.app.status(loss)[0]), ("Submitted", "PreSubmitted"))
    desk.step_until("the profit", lambda: desk.app.status(profit)[0] == "Filled")
    expect("the profit", {price for _, price in desk.app.fills(profit)}, {5053.0})
    desk.app.settle()
    expect("the stop", (desk.app.status(loss)[0], desk.app.fills(loss)), ("Cancelled", []))
    return desk.app.fills(profit)


@scenario
def bracket_stops_its_loss(desk):
    desk.swing_is_at(5054.0, rising=True)
    parent, profit, loss = bracket(desk, 5055, 5060, 5052)
    expect("the entry", desk.app.status(parent)[0], "Filled")
    desk.step_until("the stop", lambda: desk.app.status(loss)[0] == "Filled")
    expect("the stop", desk.app.fills(loss), [(2, 5052.0)])
    expect("the profit", (desk.app.status(profit)[0], desk.app.fills(profit)), ("Cancelled", []))
    expect("flat", desk.position(desk.sept), 0)


@scenario
def bracket_cancel_reaches_the_children(desk):
    ids = bracket(desk, 4990, 5110, 4980)
    expect("waiting", [desk.app.status(n)[0] for n in ids], ["Submitted", "PreSubmitted", "PreSubmitted"])
    cancel(desk.app, ids[0])
    desk.app.settle()
    expect("cancelled", [desk.app.status(n)[0] for n in ids], ["Cancelled"] * 3)


@scenario
def oca_1_cancels_the_others(desk):
    name = f"one {desk.next_id}"
    desk.fresh_quote(ask_size=3)
    near, far = (desk.place(desk.june, order("BUY", 4, "LMT", lmtPrice=price, ocaGroup=name, ocaType=1))
                 for price in (5000, 4990))
    desk.step_until("the first fill", lambda: desk.app.fills(near))
    expect("a partial fill", desk.app.fills(near), [(1, 5000.0)])
    expect("cancels the other", desk.app.status(far)[0], "Cancelled")
    expect("and leaves the first", desk.app.status(near)[:3], ("Submitted", 1, 3))


@scenario
def oca_3_reduces_the_others(desk):
    name = f"three {desk.next_id}"
    desk.fresh_quote(ask_size=3)
    near, far = (desk.place(desk.june, order("BUY", 4, "LMT", lmtPrice=price, ocaGroup=name, ocaType=3))
                 for price in (5000, 4990))
    desk.step_until("the first fill", lambda: desk.app.fills(near))
    expect("a partial fill", desk.app.fills(near), [(1, 5000.0)])
    expect("reduces the other", desk.app.status(far)[:3], ("Submitted", 0, 3))
    desk.step_until("the rest", lambda: desk.app.status(near)[0] == "Filled")
    desk.app.settle()
    expect("and a complete one ends it", (desk.app.status(far)[0], desk.app.fills(far)), ("Cancelled", []))


@scenario
def executions_with_a_filter(desk):
    # Filters count in whole seconds.
    desk.step(8)
    since = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(desk.app.all("currentTime")[-1][0]))
    bought = desk.place(desk.sept, order("BUY", 1, "MKT"))
    sold = desk.place(desk.sept, order("SELL", 1, "MKT"))
    mine = [fill.execId for order_id in (bought, sold) for fill in desk.app.executions(order_id)]
    expect("two executions", len(mine), 2)

    def found(**fields):
        wanted = ExecutionFilter()
        for name, value in fields.items():
            setattr(wanted, name, value)
        answers = desk.ask(desk.app.reqExecutions, "execDetails", "execDetailsEnd", wanted)
        return [values[2].execId for values in answers]

    expect("since this scenario", found(time=since), mine)
    expect("of a side", found(time=since, side="SELL"), mine[1:])
    expect("of this client", found(time=since, clientId=TRADER), mine)
    expect("of another client", found(time=since, clientId=OTHER), [])
    expect("of a root", found(time=since, symbol="ES", secType="FUT", exchange="CME"), mine)
    expect("of another root", found(symbol="NQ"), [])
    expect_that("all of the day", set(mine) < set(found()))
    expect("their commissions", [desk.app.commissions()[exec_id][0] for exec_id in mine], [2.25, 2.25])


@scenario
def profit_and_account_values(desk):
    account = desk.app.all("managedAccounts")[0][0]
    desk.fresh_quote(ask_size=2)
    before = desk.account_value("NetLiquidation"), desk.account_value("TotalCashValue")
    bought = desk.place(desk.june, order("BUY", 2, "MKT"))
    expect("bought", desk.app.fills(bought), [(2, 5000.25)])
    # The last trade was at 5000.00, a tick below: 2 contracts lose 25.00, and cost 4.50 in commission.
    held = [values for values in desk.app.all("updatePortfolio") if values[0].conId == desk.june.conId][-1]
    expect("portfolio", (float(held[1]), held[2], held[4], held[5]), (2, 5000.0, 250_012.5, -25.0))
    of_all, of_one, by_model = (desk.take_request() for _ in range(3))
    desk.app.reqPnL(of_all, account, "")
    desk.app.reqPnLSingle(of_one, account, "", desk.june.conId)
    desk.app.settle()
    pnl = [values for values in desk.app.all("pnl") if values[0] == of_all][-1]
    single = [values for values in desk.app.all("pnlSingle") if values[0] == of_one][-1]
    expect("open profit", (pnl[2], float(single[1]), single[3], single[5]), (-25.0, 2, -25.0, 500_000.0))
    expect("net liquidation", round(desk.account_value("NetLiquidation") - before[0], 2), -29.5)
    rows = desk.ask(desk.app.reqAccountUpdatesMulti, "accountUpdateMulti", "accountUpdateMultiEnd", account, "", False)
    values = {row[3]: row[4] for row in rows}
    expect("by model", float(values["NetLiquidation"]), desk.account_value("NetLiquidation"))
    rows = desk.ask(desk.app.reqPositionsMulti, "positionMulti", "positionMultiEnd", account, "")
    expect("positions by model", [(float(row[4]), row[5]) for row in rows], [(2, 250_012.5)])
    sold = desk.place(desk.june, order("SELL", 2, "MKT"))
    expect("sold", desk.app.fills(sold), [(2, 5000.0)])
    expect("cash after closing", round(desk.account_value("TotalCashValue") - before[1], 2), -34.0)
    closed = [desk.app.commissions()[fill.execId][1] for fill in desk.app.executions(sold)]
    rows = desk.ask(desk.app.reqAccountSummary, "accountSummary", "accountSummaryEnd", "All", "NetLiquidation")
    expect("summary", [float(row[3]) for row in rows], [desk.account_value("NetLiquidation")])
    desk.app.cancelPnL(of_all)
    desk.app.cancelPnLSingle(of_one)
    return closed


@scenario
def open_and_completed_orders(desk):
    other = App(HOST, PORT, OTHER).started()
    their_id = other.all("nextValidId")[0][0]
    other.placeOrder(their_id, desk.june, order("BUY", 1, "LMT", lmtPrice=4980, orderRef="theirs"))
    other.settle()
    desk.next_id = max(desk.next_id, their_id + 1)
    mine = desk.place(desk.june, order("BUY", 1, "LMT", lmtPrice=4981, orderRef="mine"))
    refs = sorted(values[2].orderRef for values in desk.open_orders().values())
    expect("orders of all clients", refs, ["mine", "theirs"])
    start, ends = len(desk.app.calls), len(desk.app.all("openOrderEnd"))
    desk.app.reqOpenOrders()
    desk.app.wait("open orders", lambda: len(desk.app.all("openOrderEnd")) > ends)
    own = [values[2].orderRef for name, values in desk.app.calls[start:] if name == "openOrder"]
    expect("orders of this client", own, ["mine"])
    cancel(desk.app, their_id)
    desk.app.settle()
    expect("another client's order", desk.app.codes(their_id)[-1:], [10147])
    expect("it works on", other.status(their_id)[0], "Submitted")
    cancel(other, their_id)
    cancel(desk.app, mine)
    other.settle()
    desk.app.settle()
    desk.app.reqCompletedOrders(False)
    desk.app.wait("completed orders", lambda: desk.app.all("completedOrdersEnd"))
    completed = [(values[1].orderRef, values[2].status) for values in desk.app.all("completedOrder")]
    expect("cancelled ones", sorted(row for row in completed if row[0] in ("mine", "theirs")),
           [("mine", "Cancelled"), ("theirs", "Cancelled")])
    expect("kinds of ends", sorted({status for _, status in completed}), ["Cancelled", "Filled"])
    other.disconnect()
    return len(completed)


@scenario
def reconnect_with_working_orders(desk):
    desk.fresh_quote(ask_size=3)
    far = desk.place(desk.june, order("BUY", 2, "LMT", lmtPrice=4985, orderRef="far"))
    near = desk.place(desk.june, order("BUY", 4, "LMT", lmtPrice=5000, orderRef="near"))
    perm_ids = {values[2].orderRef: values[2].permId for values in desk.app.all("openOrder")}
    desk.app.disconnect()
    desk.app.thread.join(WAIT_S)
    for _ in range(40):
        desk.pacer.settle()
    desk.open()
    names = [name for name, _ in desk.app.calls]
    expect_that("replayed before the next id", names.index("openOrder") < names.index("orderStatus")
                < names.index("openOrderEnd") < names.index("nextValidId"), names[:8])
    expect_that("first id", desk.next_id > near, desk.next_id)
    replayed = [values[2] for values in desk.app.all("openOrder")]
    expect("working orders", [(o.orderRef, o.permId) for o in replayed], [("far", perm_ids["far"])])
    expect("its status", desk.app.status(far)[:3], ("Submitted", 0, 2))
    answers = desk.ask(desk.app.reqExecutions, "execDetails", "execDetailsEnd", ExecutionFilter())
    away = [(float(v[2].shares), v[2].price) for v in answers if v[2].permId == perm_ids["near"]]
    expect("filled while away", away, [(1, 5000.0), (2, 5000.0), (1, 5000.0)])
    expect("position", desk.position(desk.june), 4)
    cancel(desk.app, far)
    desk.app.settle()
    expect("it can be cancelled", desk.app.status(far)[0], "Cancelled")
    return away


@scenario
def refusals(desk):
    def refused(codes, contract, made, order_id=None):
        order_id = desk.place(contract, made, order_id)
        expect_that(f"code of {codes}", set(desk.app.codes(order_id)) & set(codes), desk.app.codes(order_id))
        return order_id

    off_grid = refused([110], desk.june, order("BUY", 1, "LMT", lmtPrice=4990.1))
    expect("no status with it", desk.app.statuses(off_grid), [])
    refused([200], future(symbol="NOPE"), order("BUY", 1, "MKT"))
    refused([434], desk.june, order("BUY", 0, "LMT", lmtPrice=4990))
    refused([387], desk.june, order("BUY", 1, "NOSUCH"))
    refused([321], desk.june, order("HOLD", 1, "LMT", lmtPrice=4990))
    cancel(desk.app, 999_999)
    desk.app.settle()
    expect("cancel of an unknown order", desk.app.codes(999_999), [10147])
    filled = desk.place(desk.sept, order("BUY", 1, "MKT"))
    refused([103, 104], desk.sept, order("BUY", 2, "MKT"), filled)
    expect("it filled once", desk.app.fills(filled), [(1, desk.app.fills(filled)[0][1])])
    req_id = desk.take_request()
    for _ in range(2):
        desk.app.reqTickByTickData(req_id, desk.june, "Last", 0, False)
    desk.app.settle()
    expect("a ticker id twice", desk.app.codes(req_id), [102])
    desk.app.cancelTickByTickData(req_id)
    second = App(HOST, PORT, TRADER)
    second.wait("a client id in use", lambda: 326 in second.codes(-1))
    second.thread.join(WAIT_S)
    expect("it is disconnected", second.isConnected(), False)
    return sorted({code for _, code in desk.app.all("error")})


def screen(desk, req_id):
    """The last of each kind of tick: numbers of the types as keys."""
    shown = {values[1]: values[2] for values in desk.app.all("tickPrice") if values[0] == req_id}
    shown.update({values[1]: float(values[2]) for values in desk.app.all("tickSize") if values[0] == req_id})
    return shown


# Numbers of tick types.
BID_SIZE, BID, ASK, LAST, LAST_SIZE, HIGH, LOW, VOLUME, OPEN = 0, 1, 2, 4, 5, 6, 7, 8, 14


@scenario
def quotes_and_snapshot(desk):
    live, once = desk.take_request(), desk.take_request()
    desk.app.reqMktData(live, desk.june, "", False, False, [])
    desk.app.settle()
    desk.step(12)
    shown = screen(desk, live)
    expect("quote", [shown.get(kind) for kind in (BID, BID_SIZE, ASK, LAST, LAST_SIZE)], [5000.0, 3, 5000.25, 5000.0, 2])
    expect("day", [shown.get(kind) for kind in (HIGH, LOW, OPEN)], [5000.0] * 3)
    expect("live", [values[1] for values in desk.app.all("marketDataType") if values[0] == live], [1])
    expect("parameters", [values[1] for values in desk.app.all("tickReqParams") if values[0] == live], [0.25])
    desk.step(8)
    expect("four contracts in two seconds", screen(desk, live)[VOLUME] - shown[VOLUME], 4)
    desk.app.cancelMktData(live)
    desk.app.settle()
    before = screen(desk, live)
    desk.step(8)
    expect("after the cancel", screen(desk, live), before)
    desk.app.reqMktData(once, desk.june, "", True, False, [])
    desk.app.settle()
    desk.step_until("the snapshot", lambda: (once,) in desk.app.all("tickSnapshotEnd"))
    shown = screen(desk, once)
    expect("snapshot", [shown.get(kind) for kind in (BID, ASK, LAST)], [5000.0, 5000.25, 5000.0])


@scenario
def historical_bars_and_ticks(desk):
    desk.step(60)

    def bars(contract, duration, size):
        answers = desk.ask(desk.app.reqHistoricalData, "historicalData", "historicalDataEnd", contract, "", duration, size,
                           "TRADES", 0, 2, False, [])
        return [values[1] for values in answers][1:-1]

    whole = bars(desk.june, "30 S", "5 secs")
    expect_that("whole bars", len(whole) >= 2, whole)
    found = {(bar.open, bar.high, bar.low, bar.close, float(bar.volume), bar.barCount) for bar in whole}
    expect("five trades of two contracts each", found, {(5000.0, 5000.0, 5000.0, 5000.0, 10, 5)})
    expect("the whole swing", {(bar.high, bar.low) for bar in bars(desk.sept, "40 S", "10 secs")}, {(5054.0, 5050.0)})
    now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(desk.app.all("currentTime")[-1][0]))
    req_id = desk.take_request()
    desk.app.reqHistoricalTicks(req_id, desk.june, "", now, 5, "TRADES", 0, True, [])
    desk.app.settle()
    answer = next(values for values in desk.app.all("historicalTicksLast") if values[0] == req_id)
    expect("trades", {(tick.price, float(tick.size)) for tick in answer[1]}, {(5000.0, 2)})
    expect_that("five, and what shares a second with the first", 5 <= len(answer[1]) < 10 and answer[2], answer)
    return len(whole), len(answer[1])


@scenario
def real_time_bars(desk):
    req_id = desk.take_request()
    desk.app.reqRealTimeBars(req_id, desk.june, 5, "TRADES", 0, [])
    desk.app.settle()
    bars = lambda: [values for values in desk.app.all("realtimeBar") if values[0] == req_id]
    desk.step_until("three bars", lambda: len(bars()) >= 3)
    # Open, high, low, close, volume and number of trades.
    found = {(*values[2:6], float(values[6]), values[8]) for values in bars()[1:]}
    expect("five trades of two contracts each", found, {(5000.0, 5000.0, 5000.0, 5000.0, 10, 5)})
    desk.app.cancelRealTimeBars(req_id)
    desk.app.settle()


@scenario
def what_if(desk):
    asked = desk.place(desk.june, order("BUY", 2, "MKT", whatIf=True))
    state = [values[3] for values in desk.app.all("openOrder") if values[0] == asked][-1]
    change, after = float(state.initMarginChange), float(state.initMarginAfter)
    expect_that("margin", change > float(state.maintMarginChange) > 0, vars(state))
    expect("margin after", round(after, 2), round(float(state.initMarginBefore) + change, 2))
    commission = state.commissionAndFees if hasattr(state, "commissionAndFees") else state.commission
    expect("commission", commission, 4.5)
    expect("no status", desk.app.statuses(asked), [])
    expect("orders", desk.open_orders(), {})
    return change


@scenario
def margin_refusal(desk):
    asked = desk.place(desk.june, order("BUY", 1000, "MKT"))
    expect("code", desk.app.codes(asked), [201])
    expect("status", desk.app.status(asked)[:3], ("Inactive", 0, 1000))
    expect("nothing happened", (desk.app.fills(asked), desk.position(desk.june), desk.open_orders()), ([], 0, {}))


@scenario
def trailing_stop(desk):
    desk.swing_is_at(5050.0, rising=False)
    bought = desk.place(desk.sept, order("BUY", 1, "MKT"))
    expect("bought", desk.app.fills(bought), [(1, 5050.25)])
    trail = desk.place(desk.sept, order("SELL", 1, "TRAIL", auxPrice=2))
    desk.step_until("the stop", lambda: desk.app.status(trail)[0] == "Filled")
    # From the top at 5054 the stop is two points away, and the trade that reaches it goes at the bid.
    expect("sold", desk.app.fills(trail), [(1, 5052.0)])


@scenario
def market_if_touched(desk):
    desk.swing_is_at(5052.0, rising=True)
    touched = desk.place(desk.sept, order("BUY", 1, "MIT", auxPrice=5050))
    expect("waits", desk.app.fills(touched), [])
    desk.step_until("the touch", lambda: desk.app.status(touched)[0] == "Filled")
    expect("bought at the offer", desk.app.fills(touched), [(1, 5050.25)])


@scenario
def good_till_date(desk):
    end = desk.app.all("currentTime")[-1][0] + 5
    text = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(end))
    dated = desk.place(desk.june, order("BUY", 1, "LMT", lmtPrice=4990, tif="GTD", goodTillDate=text))
    expect("works", desk.app.status(dated)[0], "Submitted")
    desk.step_until("its end", lambda: desk.app.status(dated)[0] != "Submitted")
    expect("ends", desk.app.status(dated)[0], "Cancelled")
    late = desk.app.all("currentTime")[-1][0] - end
    expect_that("in time", 0 <= late <= 1, late)


run(Desk(), flat)
