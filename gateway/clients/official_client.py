"""Drives a gateway with Interactive Brokers' own Python client (package ibapi, old or new) and checks what it shows.

Usage: official_client.py HOST PORT [MAX_SERVER_VERSION]
Needs a market for ES that moves. Prints one line for each check; exits with 1 at the first that fails.
"""
import os
import sys
import threading
import time

from ibapi import client as client_module
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.wrapper import EWrapper

HOST, PORT = sys.argv[1], int(sys.argv[2])
if len(sys.argv) > 3:
    client_module.MAX_CLIENT_VER = int(sys.argv[3])
WAIT_S = 10


class App(EWrapper, EClient):
    """Collects every callback as (name, arguments) in the order of arrival."""

    def __init__(self):
        EClient.__init__(self, self)
        self.calls = []
        self.grown = threading.Condition()

    def take(self, name, *values):
        with self.grown:
            self.calls.append((name, values))
            self.grown.notify_all()

    def all(self, name):
        return [values for called, values in self.calls if called == name]

    def wait(self, condition):
        """Waits until the condition holds, at most WAIT_S seconds; says whether it held."""
        with self.grown:
            return self.grown.wait_for(condition, WAIT_S)

    def error(self, req_id, *rest):
        # Newer clients put the time before the code.
        code = rest[1] if len(rest) > 2 and isinstance(rest[1], int) else rest[0]
        self.take("error", req_id, code)


def collector(name):
    return lambda self, *values: self.take(name, *values)


for callback in ("nextValidId managedAccounts contractDetails contractDetailsEnd marketRule tickByTickAllLast "
                 "tickByTickBidAsk tickByTickMidPoint openOrder openOrderEnd orderStatus execDetails execDetailsEnd "
                 "commissionReport commissionAndFeesReport completedOrder completedOrdersEnd position positionEnd "
                 "positionMulti positionMultiEnd updateAccountValue updatePortfolio updateAccountTime "
                 "accountDownloadEnd accountSummary accountSummaryEnd accountUpdateMulti accountUpdateMultiEnd pnl "
                 "pnlSingle currentTime currentTimeInMillis").split():
    setattr(App, callback, collector(callback))


def check(name, passed, found=""):
    print(f"{'ok  ' if passed else 'FAIL'} {name} {found}".rstrip(), flush=True)
    if not passed:
        # The reader's thread would keep the interpreter alive.
        os._exit(1)


def es(**fields):
    contract = Contract()
    for name, value in fields.items():
        setattr(contract, name, value)
    return contract


def order(action, quantity, kind, **fields):
    made = Order()
    made.action, made.totalQuantity, made.orderType, made.tif = action, quantity, kind, "DAY"
    for name, value in fields.items():
        setattr(made, name, value)
    # Old clients send these by default and current gateways refuse them.
    for legacy in ("eTradeOnly", "firmQuoteOnly"):
        if hasattr(made, legacy):
            setattr(made, legacy, False)
    return made


def cancel(app, order_id):
    try:
        from ibapi.order_cancel import OrderCancel
        app.cancelOrder(order_id, OrderCancel())
    except ImportError:
        app.cancelOrder(order_id)


def statuses(app, order_id):
    return [values[1] for values in app.all("orderStatus") if values[0] == order_id]


def check_contract(app):
    app.reqContractDetails(1, es(symbol="ES", secType="FUT", exchange="CME", currency="USD"))
    check("contract details", app.wait(lambda: app.all("contractDetailsEnd")))
    details = app.all("contractDetails")[0][1]
    check("minimum tick", details.minTick == 0.25, details.minTick)
    check("expiry with time and zone", details.contract.lastTradeDateOrContractMonth[:2] == "20",
          f"{details.contract.lastTradeDateOrContractMonth} {details.contract.localSymbol}")
    app.reqContractDetails(2, es(symbol="NOPE", secType="FUT", exchange="CME"))
    check("unknown contract", app.wait(lambda: (2, 200) in app.all("error")))
    rule_id = int(details.marketRuleIds.split(",")[0])
    app.reqMarketRule(rule_id)
    check("market rule", app.wait(lambda: app.all("marketRule")), rule_id)
    return es(conId=details.contract.conId, exchange="CME")


def check_ticks(app, contract):
    for req_id, kind in ((11, "Last"), (12, "AllLast"), (13, "BidAsk"), (14, "MidPoint")):
        app.reqTickByTickData(req_id, contract, kind, 0, False)
    check("trades", app.wait(lambda: {11, 12} <= {values[0] for values in app.all("tickByTickAllLast")}))
    check("quotes", app.wait(lambda: app.all("tickByTickBidAsk")))
    check("middle", app.wait(lambda: app.all("tickByTickMidPoint")))
    trade, quote = app.all("tickByTickAllLast")[0], app.all("tickByTickBidAsk")[0]
    check("trade on the grid", trade[3] % 0.25 == 0 and int(trade[4]) >= 1, f"{trade[3]} {trade[4]} {trade[6]}")
    app.reqCurrentTime()
    check("clock is market time", app.wait(lambda: app.all("currentTime"))
          and abs(app.all("currentTime")[0][0] - trade[2]) < 60, app.all("currentTime")[0][0])
    for req_id in (12, 13, 14):
        app.cancelTickByTickData(req_id)
    return quote[2]


def check_bracket(app, contract, bid):
    entry = app.all("nextValidId")[0][0]
    app.placeOrder(entry, contract, order("BUY", 2, "LMT", lmtPrice=bid - 50, transmit=False))
    app.placeOrder(entry + 1, contract, order("SELL", 2, "LMT", lmtPrice=bid + 50, parentId=entry, transmit=False))
    app.placeOrder(entry + 2, contract, order("SELL", 2, "STP", auxPrice=bid - 100, parentId=entry, transmit=True))
    check("bracket is accepted", app.wait(lambda: "Submitted" in statuses(app, entry)), statuses(app, entry))
    check("children wait", app.wait(lambda: all("PreSubmitted" in statuses(app, entry + n) for n in (1, 2))))
    app.reqOpenOrders()
    check("open orders", app.wait(lambda: app.all("openOrderEnd")), len(app.all("openOrder")))
    cancel(app, entry)
    check("cancel", app.wait(lambda: all("Cancelled" in statuses(app, entry + n) for n in (0, 1, 2))))
    check("cancel is confirmed by 202", app.wait(lambda: (entry, 202) in app.all("error")))
    return entry + 3


def check_fill(app, contract, order_id):
    app.reqPositions()
    app.placeOrder(order_id, contract, order("BUY", 3, "MKT"))
    check("market order fills", app.wait(lambda: statuses(app, order_id).count("Filled") >= 2), statuses(app, order_id))
    fills = [values[2] for values in app.all("execDetails") if values[2].orderId == order_id]
    check("fills add up", sum(int(fill.shares) for fill in fills) == 3, [fill.execId for fill in fills])
    commissions = app.all("commissionReport") + app.all("commissionAndFeesReport")
    check("each fill has its commission", len(commissions) >= len(fills), len(commissions))
    check("position", app.wait(lambda: any(int(values[2]) == 3 for values in app.all("position"))))
    app.reqExecutions(21, ExecutionFilter())
    check("executions again", app.wait(lambda: app.all("execDetailsEnd")))
    again = {values[2].execId for values in app.all("execDetails") if values[0] == 21}
    check("the same executions", {fill.execId for fill in fills} <= again, len(again))
    app.placeOrder(order_id + 1, contract, order("SELL", 3, "MKT"))
    check("flat again", app.wait(lambda: app.all("position") and int(app.all("position")[-1][2]) == 0))
    app.reqCompletedOrders(False)
    check("completed orders", app.wait(lambda: app.all("completedOrdersEnd")), len(app.all("completedOrder")))
    check("completed has both ends", {values[2].status for values in app.all("completedOrder")} == {"Cancelled", "Filled"})


def check_account(app, account):
    app.reqAccountUpdates(True, account)
    check("account updates", app.wait(lambda: app.all("accountDownloadEnd")), len(app.all("updateAccountValue")))
    app.reqAccountSummary(31, "All", "NetLiquidation,TotalCashValue")
    check("account summary", app.wait(lambda: app.all("accountSummaryEnd")), app.all("accountSummary")[:1])
    app.reqAccountUpdatesMulti(32, account, "", False)
    check("account by model", app.wait(lambda: app.all("accountUpdateMultiEnd")))
    app.reqPositionsMulti(33, account, "")
    check("positions by model", app.wait(lambda: app.all("positionMultiEnd")))
    app.reqPnL(34, account, "")
    check("profit and loss", app.wait(lambda: app.all("pnl")), app.all("pnl")[:1])


def check_errors(app, contract, bid, order_id):
    app.placeOrder(order_id, contract, order("BUY", 1, "LMT", lmtPrice=bid - 50 + 0.1))
    check("price off the grid", app.wait(lambda: (order_id, 110) in app.all("error")))
    check("no status with it", statuses(app, order_id) == [])
    cancel(app, 999_999)
    check("cancel of an unknown order", app.wait(lambda: (999_999, 10147) in app.all("error")))
    second = App()
    second.connect(HOST, PORT, 8)
    threading.Thread(target=second.run, daemon=True).start()
    check("client id in use", second.wait(lambda: (-1, 326) in second.all("error")))


def main():
    app = App()
    app.connect(HOST, PORT, 8)
    threading.Thread(target=app.run, daemon=True).start()
    check("connect", app.wait(lambda: app.all("nextValidId") and app.all("managedAccounts")),
          f"server version {app.serverVersion()}")
    account = app.all("managedAccounts")[0][0]
    contract = check_contract(app)
    bid = check_ticks(app, contract)
    order_id = check_bracket(app, contract, bid)
    check_fill(app, contract, order_id)
    con_id = contract.conId
    check_account(app, account)
    app.reqPnLSingle(35, account, "", con_id)
    check("profit and loss of one contract", app.wait(lambda: app.all("pnlSingle")), app.all("pnlSingle")[:1])
    check_errors(app, contract, bid, order_id + 2)
    app.disconnect()
    check("done", True)


main()
