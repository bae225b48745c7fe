"""Shows the account as the official client (package ibapi) sees it. Usage: official_account.py HOST PORT CLIENT_ID MONTH

In: lines on standard input: `BUY 2` and `SELL 2` trade at the market, `BUY 2 4990` rests, `show` asks. Out: one JSON
object for each line. Ends with its input.
"""
import json
import os
import sys

from ibapi.execution import ExecutionFilter

from official_app import App, future, order

HOST, PORT, CLIENT_ID, MONTH = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
VALUES = ("NetLiquidation", "TotalCashValue", "RealizedPnL", "UnrealizedPnL")


def trade(app, contract, order_id, words):
    kind = {"lmtPrice": float(words[2])} if len(words) > 2 else {}
    app.placeOrder(order_id, contract, order(words[0], int(words[1]), "LMT" if kind else "MKT", **kind))
    app.settle()
    return {"status": app.status(order_id)[0], "fills": app.fills(order_id)}


def show(app, req_id):
    app.settle()
    start, ends = len(app.calls), len(app.all("openOrderEnd"))
    app.reqAllOpenOrders()
    app.wait("open orders", lambda: len(app.all("openOrderEnd")) > ends)
    app.reqExecutions(req_id, ExecutionFilter())
    app.wait("executions", lambda: (req_id,) in app.all("execDetailsEnd"))
    opened = [values[2] for name, values in app.calls[start:] if name == "openOrder"]
    executed = [values[2] for values in app.all("execDetails") if values[0] == req_id]
    held = {values[1].localSymbol: [float(values[2]), values[3]] for values in app.all("position")}
    values = {values[0]: float(values[1]) for values in app.all("updateAccountValue") if values[0] in VALUES}
    return {
        "positions": {symbol: held[symbol] for symbol in held if held[symbol][0]},
        "orders": sorted([o.permId, o.clientId, o.action, float(o.totalQuantity), o.lmtPrice] for o in opened),
        "executions": sorted([e.execId, e.clientId, e.side, float(e.shares), e.price] for e in executed),
        "values": values,
    }


def main():
    app = App(HOST, PORT, CLIENT_ID).started()
    app.reqPositions()
    app.reqAccountUpdates(True, app.all("managedAccounts")[0][0])
    app.settle()
    contract, next_id = future(lastTradeDateOrContractMonth=MONTH), app.all("nextValidId")[0][0]
    for number, line in enumerate(sys.stdin):
        words = line.split()
        answer = show(app, 100 + number) if words == ["show"] else trade(app, contract, next_id, words)
        next_id += 1
        print(json.dumps(answer), flush=True)
    app.disconnect()
    # The reader's thread would keep the interpreter alive.
    os._exit(0)


main()
