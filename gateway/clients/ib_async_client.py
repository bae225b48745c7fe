"""Drives a gateway with ib_async, or with ib_insync, and checks what it shows.

Usage: ib_async_client.py HOST PORT [ib_async|ib_insync]
Needs a market for ES that moves. Prints one line for each check; exits with 1 at the first that fails.
"""
import asyncio
import importlib
import logging
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])
LIBRARY = sys.argv[3] if len(sys.argv) > 3 else "ib_async"
lib = importlib.import_module(LIBRARY)
WAIT_S = 10

# Request or order id and code of each error message, in the order of arrival.
errors = []
problems = []


class Problems(logging.Handler):
    """What the library logs as an error is a message that it could not read."""

    def emit(self, record):
        problems.append(record.getMessage())


logging.getLogger(LIBRARY).addHandler(Problems(level=logging.ERROR))
logging.getLogger(LIBRARY).setLevel(logging.ERROR)


def check(name, passed, found=""):
    print(f"{'ok  ' if passed else 'FAIL'} {name} {found}".rstrip(), flush=True)
    if not passed:
        for problem in problems:
            print("     " + problem)
        sys.exit(1)


def wait(ib, condition):
    """Runs the event loop until the condition holds, at most WAIT_S seconds; says whether it held."""
    loop = asyncio.get_event_loop()
    until = loop.time() + WAIT_S
    while not condition() and loop.time() < until:
        ib.sleep(0.02)
    return condition()


def check_contract(ib):
    chain = [found.contract for found in ib.reqContractDetails(lib.Future("ES", exchange="CME", currency="USD"))]
    contract = min(chain, key=lambda future: future.lastTradeDateOrContractMonth)
    found = ib.qualifyContracts(contract)
    check("qualify ES", len(found) == 1 and contract.conId > 0, f"{contract.localSymbol} {contract.conId}")
    details = ib.reqContractDetails(contract)[0]
    check("minimum tick", details.minTick == 0.25, details.minTick)
    check("multiplier", details.contract.multiplier == "50", details.contract.multiplier)
    check("time zone", details.timeZoneId == "US/Central", details.timeZoneId)
    check("trading hours", ":1700-" in details.tradingHours, details.tradingHours[:27])
    rule = ib.reqMarketRule(int(details.marketRuleIds.split(",")[0]))
    check("market rule", rule[0].increment == 0.25, rule)
    by_id = ib.reqContractDetails(lib.Contract(conId=contract.conId, exchange="CME"))
    check("details by contract id", by_id[0].contract.localSymbol == contract.localSymbol)
    check("unknown contract", ib.reqContractDetails(lib.Future("NOPE", exchange="CME")) == [])
    return contract


def check_ticks(ib, contract):
    tickers = {kind: ib.reqTickByTickData(contract, kind) for kind in ("Last", "BidAsk", "MidPoint")}
    ticker = tickers["Last"]
    seen = {}

    def collect(updated):
        for tick in updated.tickByTicks:
            seen[type(tick).__name__] = tick

    ticker.updateEvent += collect
    names = ["TickByTickAllLast", "TickByTickBidAsk", "TickByTickMidPoint"]
    check("ticks of three kinds", wait(ib, lambda: all(name in seen for name in names)), sorted(seen))
    last = seen["TickByTickAllLast"]
    check("trade on the grid", last.price % 0.25 == 0 and last.size >= 1, f"{last.price} {last.size} {last.exchange}")
    quote = seen["TickByTickBidAsk"]
    check("quote in order", 0 < quote.bidPrice < quote.askPrice, f"{quote.bidPrice} {quote.askPrice}")
    # The library stamps ticks with its own clock, so market time can only be compared with itself.
    first, second = ib.reqCurrentTime(), ib.reqCurrentTime()
    check("the clock does not go back", first <= second, second)
    for kind in ("BidAsk", "MidPoint"):
        ib.cancelTickByTickData(contract, kind)
    return quote.bidPrice


def check_bracket(ib, contract, bid):
    bracket = ib.bracketOrder("BUY", 2, limitPrice=bid - 50, takeProfitPrice=bid + 50, stopLossPrice=bid - 100)
    trades = [ib.placeOrder(contract, order) for order in bracket]
    check("bracket is accepted", wait(ib, lambda: trades[0].orderStatus.status == "Submitted"))
    check("children wait", wait(ib, lambda: all(t.orderStatus.status == "PreSubmitted" for t in trades[1:])))
    check("permanent ids", all(t.order.permId > 2**31 for t in trades), trades[0].order.permId)
    trades[0].order.lmtPrice = bid - 51
    ib.placeOrder(contract, trades[0].order)
    check("modified price is shown", wait(ib, lambda: ib.reqAllOpenOrders() and any(
        t.order.permId == trades[0].order.permId and t.order.lmtPrice == bid - 51 for t in ib.openTrades())))
    ib.cancelOrder(trades[0].order)
    check("cancel reaches the children", wait(ib, lambda: all(t.orderStatus.status == "Cancelled" for t in trades)))
    check("cancel is confirmed by 202", wait(ib, lambda: (trades[0].order.orderId, 202) in errors))


def check_fill(ib, contract):
    trade = ib.placeOrder(contract, lib.MarketOrder("BUY", 3))
    check("market order fills", wait(ib, lambda: trade.orderStatus.status == "Filled"), trade.orderStatus.avgFillPrice)
    check("fills add up", wait(ib, lambda: sum(fill.execution.shares for fill in trade.fills) == 3))
    check("each fill has its commission", wait(ib, lambda: all(f.commissionReport.commission > 0 for f in trade.fills)))
    held = [p for p in ib.positions() if p.contract.conId == contract.conId]
    check("position", wait(ib, lambda: [p.position for p in ib.positions()] == [3]), held)
    check("average cost has the multiplier", ib.positions()[0].avgCost > 100_000, ib.positions()[0].avgCost)
    executions = ib.reqExecutions()
    ids = {fill.execution.execId for fill in executions}
    check("executions again", {f.execution.execId for f in trade.fills} <= ids, len(ids))
    check("filter by side", ib.reqExecutions(lib.ExecutionFilter(side="SELL")) == [])
    check("portfolio", wait(ib, lambda: [item.position for item in ib.portfolio()] == [3]))
    sold = ib.placeOrder(contract, lib.MarketOrder("SELL", 3))
    check("flat again", wait(ib, lambda: sold.orderStatus.status == "Filled" and ib.positions() == []))
    realised = [fill.commissionReport.realizedPNL for fill in sold.fills]
    check("realised profit is told", all(abs(value) < 1e6 for value in realised), realised)


def check_errors(ib, contract, bid):
    off_grid = ib.placeOrder(contract, lib.LimitOrder("BUY", 1, bid - 50 + 0.1))
    check("price off the grid", wait(ib, lambda: (off_grid.order.orderId, 110) in errors), errors)
    unknown = ib.placeOrder(lib.Future("NOPE", exchange="CME"), lib.MarketOrder("BUY", 1))
    check("order for an unknown contract", wait(ib, lambda: (unknown.order.orderId, 200) in errors), errors)
    stranger = lib.Order(orderId=999_999)
    ib.client.cancelOrder(stranger.orderId, "")
    check("cancel of an unknown order", wait(ib, lambda: (stranger.orderId, 10147) in errors), errors)
    other = lib.IB()
    refused = []
    other.errorEvent += lambda req_id, code, text, contract: refused.append(code)
    try:
        other.connect(HOST, PORT, clientId=7, timeout=4)
        check("client id in use", False)
    except Exception:  # the library raises whatever the closed connection leads to
        check("client id in use", 326 in refused, refused)


def check_account(ib):
    values = {value.tag: value.value for value in ib.accountValues()}
    check("account values", float(values["NetLiquidation"]) > 0, values["NetLiquidation"])
    summary = {value.tag: value.value for value in ib.accountSummary()}
    check("account summary", float(summary["TotalCashValue"]) > 0, summary["TotalCashValue"])
    pnl = ib.reqPnL(ib.managedAccounts()[0])
    check("profit and loss", wait(ib, lambda: pnl.realizedPnL == pnl.realizedPnL), pnl.dailyPnL)
    completed = ib.reqCompletedOrders(False)
    statuses = sorted({trade.orderStatus.status for trade in completed})
    check("completed orders", statuses == ["Cancelled", "Filled"], f"{len(completed)} {statuses}")


def main():
    ib = lib.IB()
    ib.errorEvent += lambda req_id, code, text, contract: errors.append((req_id, code))
    ib.connect(HOST, PORT, clientId=7, timeout=WAIT_S)
    check("connect", ib.isConnected(), f"server version {ib.client.serverVersion()} with {LIBRARY}")
    check("managed accounts", len(ib.managedAccounts()) == 1, ib.managedAccounts())
    contract = check_contract(ib)
    bid = check_ticks(ib, contract)
    check_bracket(ib, contract, bid)
    check_fill(ib, contract)
    check_account(ib)
    messages = [problem for problem in problems if not problem.startswith("Error ")]
    check("every message was understood", messages == [], messages)
    check_errors(ib, contract, bid)
    ib.reqGlobalCancel()
    ib.disconnect()
    check("done", True)


main()
