"""Order types, times in force, what-if and margin with ib_async, or with ib_insync.

Usage: ib_async_orders.py HOST PORT [ib_async|ib_insync]
Needs a fresh gateway with a market for ES that moves, in regular hours. Prints one line for each check; exits with 1 at
the first that fails.
"""
import asyncio
import importlib
import logging
import math
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])
LIBRARY = sys.argv[3] if len(sys.argv) > 3 else "ib_async"
lib = importlib.import_module(LIBRARY)
WAIT_S = 10

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


def order(action, quantity, kind, **fields):
    return lib.Order(action=action, totalQuantity=quantity, orderType=kind, outsideRth=True, **fields)


def check_resting(ib, contract, price):
    """Each kind rests as PreSubmitted, is shown with its prices, and is cancelled."""
    far, near = price + 100, price - 100
    kinds = [
        ("TRAIL by an amount", order("SELL", 1, "TRAIL", auxPrice=50), ("auxPrice", 50)),
        ("TRAIL by percent", order("SELL", 1, "TRAIL", trailingPercent=1.0, trailStopPrice=near), ("trailingPercent", 1.0)),
        ("TRAIL LIMIT", order("SELL", 1, "TRAIL LIMIT", auxPrice=50, lmtPriceOffset=0.5, trailStopPrice=near),
         ("lmtPriceOffset", 0.5)),
        ("MIT", order("SELL", 1, "MIT", auxPrice=far), ("auxPrice", far)),
        ("LIT", order("SELL", 1, "LIT", auxPrice=far, lmtPrice=far - 1), ("lmtPrice", far - 1)),
        ("MOC", order("SELL", 1, "MOC"), ("orderType", "MOC")),
        ("LOC", order("SELL", 1, "LOC", lmtPrice=price), ("lmtPrice", price)),
        ("adjustable stop", order("SELL", 1, "STP", auxPrice=near, triggerPrice=far, adjustedOrderType="STP",
                                  adjustedStopPrice=price), ("adjustedStopPrice", price)),
        ("good after time", order("BUY", 1, "LMT", lmtPrice=near, goodAfterTime="20991231 15:00:00 US/Central", tif="GTC"),
         ("goodAfterTime", "20991231 15:00:00 US/Central")),
    ]
    for name, sent, (field, value) in kinds:
        trade = ib.placeOrder(contract, sent)
        check(f"{name} waits", wait(ib, lambda: trade.orderStatus.status == "PreSubmitted"), trade.orderStatus.status)
        ib.reqAllOpenOrders()
        shown = [t.order for t in ib.openTrades() if t.order.orderId == trade.order.orderId]
        check(f"{name} is shown", shown and getattr(shown[0], field) == value, shown and getattr(shown[0], field))
        ib.cancelOrder(sent)
        check(f"{name} is cancelled", wait(ib, lambda: trade.orderStatus.status == "Cancelled"))


def check_immediate(ib, contract, price):
    part = ib.placeOrder(contract, order("BUY", 1, "LMT", lmtPrice=price - 50, tif="IOC"))
    check("IOC ends", wait(ib, lambda: part.isDone() and part.orderStatus.status == "Cancelled"), part.orderStatus.filled)
    statuses = [entry.status for entry in part.log]
    check("IOC is on its way out first", "PendingCancel" in statuses, statuses)
    killed = ib.placeOrder(contract, order("BUY", 1, "LMT", lmtPrice=price - 50, tif="FOK"))
    check("FOK is inactive", wait(ib, lambda: killed.orderStatus.status == "Inactive"), killed.orderStatus.filled)
    dated = ib.placeOrder(contract, order("BUY", 1, "LMT", lmtPrice=price - 100, tif="GTD",
                                          goodTillDate="20991231-23:59:59"))
    check("GTD is accepted", wait(ib, lambda: dated.orderStatus.status == "Submitted"))
    ib.cancelOrder(dated.order)
    check("GTD is cancelled", wait(ib, dated.isDone))
    past = ib.placeOrder(contract, order("BUY", 1, "LMT", lmtPrice=price - 100, tif="GTD", goodTillDate="20200101-00:00:00"))
    check("a date in the past is refused", wait(ib, lambda: (past.order.orderId, 201) in errors))


def check_margin(ib, contract):
    state = ib.whatIfOrder(contract, order("BUY", 2, "MKT"))
    change, after = float(state.initMarginChange), float(state.initMarginAfter)
    check("what-if tells margin", change > 1000 and after >= change, (state.initMarginChange, state.maintMarginChange))
    check("what-if tells commission", math.isclose(float(state.commission), 4.5), state.commission)
    live = [trade for trade in ib.openTrades() if trade.orderStatus.status in ("PreSubmitted", "Submitted")]
    check("what-if places nothing", not live, live)
    values = {value.tag: value.value for value in ib.accountSummary()}
    for tag in "NetLiquidation TotalCashValue InitMarginReq MaintMarginReq AvailableFunds ExcessLiquidity BuyingPower".split():
        check(f"summary has {tag}", tag in values, values.get(tag))
    available = float(values["NetLiquidation"]) - float(values["InitMarginReq"])
    check("available funds", math.isclose(float(values["AvailableFunds"]), available), values["AvailableFunds"])
    many = ib.placeOrder(contract, order("BUY", 1000, "MKT"))
    check("too large an order is refused", wait(ib, lambda: (many.order.orderId, 201) in errors))
    # ib_insync calls an order with an error cancelled, whatever its status.
    check("and over", wait(ib, lambda: many.orderStatus.status in ("Inactive", "Cancelled")), many.orderStatus.status)


def main():
    ib = lib.IB()
    ib.errorEvent += lambda req_id, code, *rest: errors.append((req_id, code))
    ib.connect(HOST, PORT, clientId=11, timeout=WAIT_S)
    contract = ib.qualifyContracts(lib.Future("ES", exchange="CME", currency="USD"))[0]
    ticker = ib.reqTickByTickData(contract, "AllLast")
    check("a trade", wait(ib, lambda: ticker.tickByTicks or not math.isnan(ticker.last)), ticker.last)
    price = round(ticker.last * 4) / 4
    check_resting(ib, contract, price)
    check_immediate(ib, contract, price)
    check_margin(ib, contract)
    check("every message was understood", not [p for p in problems if "Error" not in p], problems)
    ib.disconnect()
    check("done", True)


main()
