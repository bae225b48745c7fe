"""Asks a gateway for market data of every kind with the official client (package ibapi, old or new) and checks it.

Usage: official_data.py HOST PORT [MAX_SERVER_VERSION]
Needs a market for ES that moves, with a past. Prints one line for each check; exits with 1 at the first that fails.
"""
import os
import sys
import threading

from ibapi import client as client_module
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.wrapper import EWrapper

HOST, PORT = sys.argv[1], int(sys.argv[2])
if len(sys.argv) > 3:
    client_module.MAX_CLIENT_VER = int(sys.argv[3])
WAIT_S = 20


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

    def all(self, name, req_id=None):
        return [values for called, values in self.calls if called == name and req_id in (None, values[0])]

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


for callback in ("nextValidId contractDetails contractDetailsEnd symbolSamples marketRule headTimestamp historicalData "
                 "historicalDataEnd historicalDataUpdate historicalSchedule historicalTicks historicalTicksBidAsk "
                 "historicalTicksLast tickReqParams marketDataType tickPrice tickSize tickString tickGeneric "
                 "tickSnapshotEnd realtimeBar tickByTickAllLast tickByTickBidAsk").split():
    setattr(App, callback, collector(callback))


def check(name, passed, found=""):
    print(f"{'ok  ' if passed else 'FAIL'} {name} {found}".rstrip(), flush=True)
    if not passed:
        # The reader's thread would keep the interpreter alive.
        os._exit(1)


def future(**fields):
    contract = Contract()
    contract.secType = "FUT"
    for name, value in fields.items():
        setattr(contract, name, value)
    return contract


def has(app, name, req_id, at_least=1):
    return lambda: len(app.all(name, req_id)) >= at_least


def check_past(app, es):
    app.reqHeadTimeStamp(20, es, "TRADES", 0, 2)
    check("head timestamp", app.wait(has(app, "headTimestamp", 20)), app.all("headTimestamp", 20))
    app.cancelHeadTimeStamp(20)
    for req_id, what, size in ((21, "TRADES", "1 min"), (22, "BID", "5 mins"), (23, "ASK", "1 hour"),
                               (24, "MIDPOINT", "30 secs"), (25, "BID_ASK", "10 mins"), (26, "TRADES", "1 day")):
        app.reqHistoricalData(req_id, es, "", "1 D", size, what, 0, 1, False, [])
        check(f"bars of {size}, {what}", app.wait(has(app, "historicalDataEnd", req_id)), len(app.all("historicalData", req_id)))
        bar = app.all("historicalData", req_id)[-1][1]
        check("they have prices and a date", bar.low <= bar.close <= bar.high and bar.date[:2] == "20", bar)
    print("    ", app.all("historicalDataEnd", 21))
    for req_id, what, name in ((31, "TRADES", "historicalTicksLast"), (32, "BID_ASK", "historicalTicksBidAsk"),
                               (33, "MIDPOINT", "historicalTicks")):
        app.reqHistoricalTicks(req_id, es, "", app.clock, 10, what, 0, True, [])
        check(f"ticks of {what}", app.wait(has(app, name, req_id)))
        found = app.all(name, req_id)[0]
        check("ten or a few more", 10 <= len(found[1]) < 200 and found[2], found[1][0])


def check_present(app, es):
    app.reqMarketDataType(1)
    app.reqMktData(41, es, "233", False, False, [])
    check("parameters", app.wait(has(app, "tickReqParams", 41)), app.all("tickReqParams", 41)[0])
    check("live", app.wait(has(app, "marketDataType", 41)), app.all("marketDataType", 41)[0])

    def prices(req_id):
        return {values[1] for values in app.all("tickPrice", req_id)}

    check("prices", app.wait(lambda: {1, 2, 4, 6, 7, 9, 14} <= prices(41)), sorted(prices(41)))
    check("volume", app.wait(lambda: any(values[1] == 8 for values in app.all("tickSize", 41))))
    check("times and sales", app.wait(lambda: any(values[1] == 48 for values in app.all("tickString", 41))),
          [values for values in app.all("tickString", 41) if values[1] == 48][-1])
    app.cancelMktData(41)
    app.reqMktData(42, es, "", True, False, [])
    check("snapshot", app.wait(has(app, "tickSnapshotEnd", 42)), sorted(prices(42)))
    app.reqMarketDataType(3)
    app.reqMktData(43, es, "", False, False, [])
    check("delayed", app.wait(lambda: {66, 67, 68} <= prices(43)), sorted(prices(43)))
    app.cancelMktData(43)
    app.reqMarketDataType(1)
    app.cancelMktData(999)
    check("cancel of an unknown ticker", app.wait(lambda: (999, 300) in app.all("error")))
    app.reqRealTimeBars(44, es, 5, "TRADES", 0, [])
    app.reqRealTimeBars(45, es, 5, "BID", 0, [])
    check("real-time bars", app.wait(has(app, "realtimeBar", 44, 2)), app.all("realtimeBar", 44)[:1])
    check("real-time bars of the bid", app.wait(has(app, "realtimeBar", 45, 2)), app.all("realtimeBar", 45)[:1])
    app.cancelRealTimeBars(44)
    app.cancelRealTimeBars(45)
    app.reqHistoricalData(46, es, "", "300 S", "1 min", "TRADES", 0, 2, True, [])
    check("kept up to date", app.wait(has(app, "historicalDataUpdate", 46, 2)), app.all("historicalDataUpdate", 46)[-1][1])
    app.cancelHistoricalData(46)
    check("and cancelled", app.wait(lambda: (46, 162) in app.all("error")))
    app.reqTickByTickData(47, es, "BidAsk", 5, False)
    check("ticks of the past first", app.wait(has(app, "historicalTicksBidAsk", 47)))
    check("then those of the present", app.wait(has(app, "tickByTickBidAsk", 47)))
    app.cancelTickByTickData(47)


def main():
    app = App()
    app.connect(HOST, PORT, 21)
    threading.Thread(target=app.run, daemon=True).start()
    check("connect", app.wait(lambda: app.all("nextValidId")), f"server version {app.serverVersion()}")
    app.reqContractDetails(1, future(symbol="ES", exchange="CME", currency="USD"))
    check("chain", app.wait(has(app, "contractDetailsEnd", 1)), len(app.all("contractDetails", 1)))
    details = app.all("contractDetails", 1)[0][1]
    es = future(conId=details.contract.conId, exchange="CME")
    app.reqMatchingSymbols(2, "NQ")
    check("matching symbols", app.wait(has(app, "symbolSamples", 2)),
          [found.contract.symbol for found in app.all("symbolSamples", 2)[0][1]])
    app.reqContractDetails(3, future(symbol="GC", exchange="COMEX"))
    check("gold", app.wait(has(app, "contractDetailsEnd", 3)), app.all("contractDetails", 3)[0][1].contract.localSymbol)
    app.reqHistoricalData(4, es, "", "60 S", "1 min", "MIDPOINT", 0, 2, False, [])
    check("the present", app.wait(has(app, "historicalDataEnd", 4)))
    import datetime
    now = datetime.datetime.fromtimestamp(int(app.all("historicalData", 4)[-1][1].date), datetime.timezone.utc)
    app.clock = now.strftime("%Y%m%d-%H:%M:%S")
    check_past(app, es)
    check_present(app, es)
    app.reqHistoricalData(51, es, "", "1 D", "7 mins", "TRADES", 0, 1, False, [])
    check("bad bar size", app.wait(lambda: (51, 321) in app.all("error")))
    app.cancelHistoricalData(52)
    check("unknown query", app.wait(lambda: (52, 366) in app.all("error")))
    check("done", True)
    app.disconnect()


main()
