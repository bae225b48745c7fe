"""Interactive Brokers' own Python client as a collector of what it is told. In: an address. Out: every callback with its
arguments, in the order of arrival, and what can be read from them. Absent: scenarios.
"""
import threading

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper

from scenarios import Unexpected

WAIT_S = 30


class App(EWrapper, EClient):
    """Collects every callback as (name, arguments) in the order of arrival."""

    def __init__(self, host, port, client_id):
        EClient.__init__(self, self)
        self.calls, self.grown = [], threading.Condition()
        self.connect(host, port, client_id)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def started(self):
        self.wait("the start", lambda: self.all("nextValidId") and self.all("managedAccounts"))
        return self

    def take(self, name, *values):
        with self.grown:
            self.calls.append((name, values))
            self.grown.notify_all()

    def all(self, name):
        return [values for called, values in list(self.calls) if called == name]

    def wait(self, what, condition):
        with self.grown:
            if not self.grown.wait_for(condition, WAIT_S):
                raise Unexpected(f"{what}: not within {WAIT_S} s; last: {self.calls[-5:]}")

    def error(self, req_id, *rest):
        # Newer clients put the time before the code.
        code = rest[1] if len(rest) > 2 and isinstance(rest[1], int) else rest[0]
        self.take("error", req_id, code)

    def codes(self, req_id):
        return [code for other, code in self.all("error") if other == req_id]

    def settle(self):
        """The answer to a question comes after everything that was sent before it."""
        before = len(self.all("currentTime"))
        self.reqCurrentTime()
        self.wait("the time", lambda: len(self.all("currentTime")) > before)

    def statuses(self, order_id):
        """The words of the order's status, each once in a row."""
        words = []
        for values in self.all("orderStatus"):
            if values[0] == order_id and words[-1:] != [values[1]]:
                words.append(values[1])
        return words

    def status(self, order_id):
        """The last status: word, filled, remaining, average price."""
        last = [values for values in self.all("orderStatus") if values[0] == order_id][-1]
        return last[1], float(last[2]), float(last[3]), last[4]

    def executions(self, order_id):
        return [values[2] for values in self.all("execDetails") if values[0] == -1 and values[2].orderId == order_id]

    def fills(self, order_id):
        return [(float(fill.shares), fill.price) for fill in self.executions(order_id)]

    def commissions(self):
        """Commission and realised profit of each execution."""
        reports = [values[0] for values in self.all("commissionReport") + self.all("commissionAndFeesReport")]
        fee = "commissionAndFees" if reports and hasattr(reports[0], "commissionAndFees") else "commission"
        return {report.execId: (getattr(report, fee), report.realizedPNL) for report in reports}


def collector(name):
    return lambda self, *values: self.take(name, *values)


for callback in ("nextValidId managedAccounts contractDetails contractDetailsEnd marketRule tickByTickAllLast "
                 "tickByTickBidAsk tickByTickMidPoint openOrder openOrderEnd orderStatus execDetails execDetailsEnd "
                 "commissionReport commissionAndFeesReport completedOrder completedOrdersEnd position positionEnd "
                 "positionMulti positionMultiEnd updateAccountValue updatePortfolio updateAccountTime "
                 "accountDownloadEnd accountSummary accountSummaryEnd accountUpdateMulti accountUpdateMultiEnd pnl "
                 "pnlSingle currentTime connectionClosed tickReqParams marketDataType tickPrice tickSize tickSnapshotEnd "
                 "historicalData historicalDataEnd historicalTicksLast realtimeBar").split():
    setattr(App, callback, collector(callback))


def future(**fields):
    contract = Contract()
    contract.symbol, contract.secType, contract.exchange, contract.currency = "ES", "FUT", "CME", "USD"
    for name, value in fields.items():
        setattr(contract, name, value)
    return contract


def order(action, quantity, kind, **fields):
    made = Order()
    made.action, made.totalQuantity, made.orderType, made.tif = action, quantity, kind, "DAY"
    # Old clients send these by default and current gateways refuse them.
    for legacy in ("eTradeOnly", "firmQuoteOnly"):
        if hasattr(made, legacy):
            setattr(made, legacy, False)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def cancel(app, order_id):
    try:
        from ibapi.order_cancel import OrderCancel
        app.cancelOrder(order_id, OrderCancel())
    except ImportError:
        app.cancelOrder(order_id)
