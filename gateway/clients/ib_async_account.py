"""Shows the account as ib_async sees it. Usage: ib_async_account.py HOST PORT CLIENT_ID MONTH

In: lines on standard input: `BUY 2` and `SELL 2` trade at the market, `BUY 2 4990` rests, `show` asks. Out: one JSON
object for each line. Ends with its input.
"""
import json
import sys

from ib_async import IB, Future, LimitOrder, MarketOrder

HOST, PORT, CLIENT_ID, MONTH = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
VALUES = ("NetLiquidation", "TotalCashValue", "RealizedPnL", "UnrealizedPnL")


def trade(ib, contract, words):
    made = LimitOrder(words[0], int(words[1]), float(words[2])) if len(words) > 2 else MarketOrder(words[0], int(words[1]))
    placed = ib.placeOrder(contract, made)
    # The answer to a question comes after everything that was sent before it.
    ib.reqCurrentTime()
    fills = [(fill.execution.shares, fill.execution.price) for fill in placed.fills]
    return {"status": placed.orderStatus.status, "fills": fills}


def show(ib):
    ib.reqCurrentTime()
    opened = [found.order for found in ib.reqAllOpenOrders()]
    executed = [fill.execution for fill in ib.reqExecutions()]
    held = {p.contract.localSymbol: [p.position, p.avgCost] for p in ib.positions() if p.position}
    return {
        "positions": held,
        "orders": sorted([o.permId, o.clientId, o.action, o.totalQuantity, o.lmtPrice] for o in opened),
        "executions": sorted([e.execId, e.clientId, e.side, e.shares, e.price] for e in executed),
        "values": {v.tag: float(v.value) for v in ib.accountValues() if v.tag in VALUES},
    }


def main():
    ib = IB()
    ib.connect(HOST, PORT, clientId=CLIENT_ID, timeout=30)
    contract = ib.qualifyContracts(
        Future("ES", lastTradeDateOrContractMonth=MONTH, exchange="CME", currency="USD"))[0]
    for line in sys.stdin:
        words = line.split()
        print(json.dumps(show(ib) if words == ["show"] else trade(ib, contract, words)), flush=True)
    ib.disconnect()


main()
