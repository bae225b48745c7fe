"""Asks a gateway for market data of every kind with ib_async or ib_insync and checks what comes.

Usage: ib_async_data.py HOST PORT [ib_async|ib_insync]
Needs a market for ES that moves, with a past. Prints one line for each check; exits with 1 at the first that fails.
"""
import importlib
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])
lib = importlib.import_module(sys.argv[3] if len(sys.argv) > 3 else "ib_async")
ib = lib.IB()
errors = []


def check(name, holds, shown=""):
    print("ok  " if holds else "FAIL", name, shown, flush=True)
    if not holds:
        ib.disconnect()
        sys.exit(1)


def wait(condition, seconds=20):
    """Lets messages in until the condition holds, at most for some seconds."""
    for _ in range(seconds * 20):
        if condition():
            return True
        ib.sleep(0.05)
    return False


def main():
    ib.errorEvent += lambda req_id, code, text, contract: errors.append((code, text))
    ib.connect(HOST, PORT, clientId=11, timeout=20)
    chain = [d.contract for d in ib.reqContractDetails(lib.Future("ES", exchange="CME", currency="USD"))]
    es = min(chain, key=lambda contract: contract.lastTradeDateOrContractMonth)
    check("chain", len(chain) > 3, [contract.localSymbol for contract in chain])
    ib.qualifyContracts(es)
    found = ib.reqMatchingSymbols("mini")
    check("matching symbols", "MES" in [d.contract.symbol for d in found], [d.contract.symbol for d in found])
    rule = ib.reqMarketRule(67)
    check("market rule", rule[0].increment == 0.25, rule)
    others = ib.reqContractDetails(lib.Future("GC", exchange="COMEX"))
    check("gold", others[0].minTick == 0.1, f"{others[0].contract.localSymbol} {others[0].liquidHours}")

    head = ib.reqHeadTimeStamp(es, "TRADES", useRTH=False, formatDate=1)
    check("head timestamp", head.year >= 2000, head)
    bars = ib.reqHistoricalData(es, "", "1 D", "1 min", "TRADES", useRTH=False)
    check("bars of a minute", len(bars) > 100 and bars[-1].volume > 0, f"{len(bars)} {bars[0]} {bars[-1]}")
    for what in ("BID", "ASK", "MIDPOINT", "BID_ASK"):
        bars = ib.reqHistoricalData(es, "", "7200 S", "5 mins", what, useRTH=False, formatDate=2)
        check(f"bars of {what}", len(bars) >= 24 and bars[-1].volume == -1, f"{len(bars)} {bars[-1]}")
    bars = ib.reqHistoricalData(es, "", "2 D", "1 day", "TRADES", useRTH=True)
    check("bars of a day", len(bars) >= 1, bars)
    bars = ib.reqHistoricalData(es, "", "1 Y", "1W", "TRADES", useRTH=False)
    check("bars of a week", len(bars) >= 1, bars)
    schedule = ib.reqHistoricalSchedule(es, 5)
    check("schedule", len(schedule.sessions) == 5, schedule.sessions[-1])

    ticks = ib.reqHistoricalTicks(es, "", head.strftime("%Y%m%d-23:59:59"), 20, "TRADES", useRth=False)
    check("historical trades", len(ticks) >= 20, ticks[0])
    ticks = ib.reqHistoricalTicks(es, head.strftime("%Y%m%d-23:00:00"), "", 20, "BID_ASK", useRth=False, ignoreSize=True)
    check("historical quotes", len(ticks) >= 20, ticks[0])
    ticks = ib.reqHistoricalTicks(es, head.strftime("%Y%m%d-23:00:00"), "", 20, "MIDPOINT", useRth=False)
    check("historical middles", len(ticks) >= 20, ticks[0])

    ticker = ib.reqMktData(es, "233,293", False, False)
    check("quote", wait(lambda: ticker.bid > 0 and ticker.ask > ticker.bid and ticker.last > 0), ticker)
    check("day", ticker.high >= ticker.last >= ticker.low and ticker.volume > 0 and ticker.close > 0)
    check("real-time volume", wait(lambda: ticker.rtVolume > 0), f"{ticker.rtVolume} {ticker.vwap}")
    seen = ticker.volume
    check("volume grows", wait(lambda: ticker.volume > seen), ticker.volume)
    ib.cancelMktData(es)
    snapshot = ib.reqTickers(es)[0]
    check("snapshot", snapshot.bid > 0 and snapshot.last > 0, f"{snapshot.bid} {snapshot.ask} {snapshot.last}")
    ib.reqMarketDataType(3)
    delayed = ib.reqMktData(es, "", False, False)
    check("delayed", wait(lambda: delayed.bid > 0 and delayed.marketDataType == 3), f"{delayed.bid} {delayed.ask}")
    ib.cancelMktData(es)
    ib.reqMarketDataType(1)

    live = ib.reqRealTimeBars(es, 5, "TRADES", False)
    middle = ib.reqRealTimeBars(es, 5, "MIDPOINT", False)
    kept = ib.reqHistoricalData(es, "", "600 S", "1 min", "TRADES", useRTH=False, keepUpToDate=True)
    size, last = len(kept), kept[-1]
    check("real-time bars", wait(lambda: len(live) > 2), live[-1:])
    check("bars of the middle", wait(lambda: len(middle) > 2), middle[-1:])
    check("bars kept up to date", wait(lambda: kept[-1] != last or len(kept) > size), kept[-1])
    ib.cancelRealTimeBars(live)
    ib.cancelRealTimeBars(middle)
    ib.cancelHistoricalData(kept)
    check("cancel of kept bars", wait(lambda: any(code == 162 for code, _ in errors)), errors[-1])

    ticker = ib.reqTickByTickData(es, "AllLast", numberOfTicks=5)
    check("ticks with the last ones first", wait(lambda: len(ticker.tickByTicks) > 0), ticker.tickByTicks[:1])
    ib.cancelTickByTickData(es, "AllLast")

    def refused(code, ask):
        errors.clear()
        ask()
        return wait(lambda: any(found == code for found, _ in errors)), errors[-1:]

    unplayed = others[0].contract
    ask = ib.reqHistoricalData
    check("no permissions", *refused(162, lambda: ask(unplayed, "", "1 D", "1 min", "TRADES", True, timeout=5)))
    check("not subscribed", *refused(354, lambda: ib.reqMktData(unplayed)))
    check("bad bar size", *refused(321, lambda: ask(es, "", "1 D", "7 mins", "TRADES", True, timeout=1)))
    check("nothing there", *refused(162, lambda: ask(es, "20010101-00:00:00", "1 D", "1 min", "TRADES", True, timeout=5)))
    check("bad time", *refused(10314, lambda: ask(es, "yesterday", "1 D", "1 min", "TRADES", True, timeout=5)))
    check("done", True)
    ib.disconnect()


main()
