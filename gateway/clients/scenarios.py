"""Runs named scenarios and prints what became of each: `ok partial-fill [2, 3]` or `FAIL partial-fill ...`.

In: functions under @scenario, in the order in which they stand. Out: lines, exit code 1 when any failed.
Absent: clients of the broker.
"""
import os
import sys
import traceback

_scenarios = []


class Unexpected(Exception):
    """What was found is not what was to be found."""


def scenario(function):
    _scenarios.append(function)
    return function


def expect(what, found, wanted):
    if found != wanted:
        raise Unexpected(f"{what}: found {found!r}, expected {wanted!r}")


def expect_that(what, held, found=""):
    if not held:
        raise Unexpected(f"{what}: {found!r}")


def run(desk, between):
    """Runs all scenarios on `desk`; `between` brings it back to a flat account without orders."""
    failed = 0
    for function in _scenarios:
        name = function.__name__.replace("_", "-")
        try:
            found = function(desk)
            between(desk)
            print(f"ok {name} {found if found is not None else ''}".rstrip(), flush=True)
        except Exception as error:  # a client raises whatever it likes, and the next scenario is to run all the same
            failed += 1
            reason = str(error) if isinstance(error, Unexpected) else traceback.format_exc()
            print(f"FAIL {name} {reason}", flush=True)
            try:
                between(desk)
            except Exception:
                print(f"FAIL cleaning up after {name}\n{traceback.format_exc()}", flush=True)
                break
    print(f"{len(_scenarios) - failed} of {len(_scenarios)} scenarios", flush=True)
    # Reader threads of a client would keep the interpreter alive.
    sys.stdout.flush()
    os._exit(1 if failed else 0)
