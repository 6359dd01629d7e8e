from __future__ import annotations

import inspect
import json

import pytest

from qpu_bridge import errors
from qpu_bridge.errors import BridgeError, CallerError, DriverFault, ScheduleError, TooLarge

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BridgeError)]


def test_a_sentence_says_what_must_hold_what_was_given_where_and_what_to_do() -> None:
    error = ScheduleError("a play must be short", given=7, where="port d0, tick 3", remedy="Make it shorter.")
    assert str(error) == "a play must be short; got 7 (port d0, tick 3). Make it shorter."
    assert str(ScheduleError("a play must be short")) == "a play must be short."
    assert str(TooLarge("at most 3", given=0)) == "at most 3; got 0."


def test_what_was_given_is_repeated_in_part_if_it_is_long() -> None:
    error = TooLarge("a name must be short", given="x" * 100_000, where="options." + "y" * 100_000)
    assert len(str(error)) < 2 * errors.LONGEST + 200
    assert f"{'x' * errors.LONGEST} ... (100000 characters) (options.y" in str(error)
    twin = BridgeError.from_document(error.to_document())
    assert len(str(twin)) < 2 * errors.LONGEST + 300
    assert TooLarge("a name must be short", given="x" * errors.LONGEST).given == "x" * errors.LONGEST


@pytest.mark.parametrize("kind", EVERY)
def test_an_error_survives_the_wire(kind: type[BridgeError]) -> None:
    error = kind("this must hold", given=object, where="here", remedy="Do that.")
    twin = BridgeError.from_document(json.loads(json.dumps(error.to_document())))
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert twin.code == kind.code


def test_codes_and_documents_are_unique() -> None:
    codes = [kind.code for kind in EVERY]
    assert len(set(codes)) == len(codes)
    for kind in EVERY:
        assert kind.__doc__


def test_an_unknown_kind_becomes_a_fault_of_the_driver() -> None:
    twin = BridgeError.from_document({"kind": "os.system", "must": "rm"})
    assert type(twin) is DriverFault
    assert type(BridgeError.from_document({})) is DriverFault


def test_errors_are_split_by_who_can_act() -> None:
    sides = (CallerError, errors.OperatorError, errors.DeveloperError, errors.Cancelled)
    for kind in EVERY:
        assert kind is BridgeError or sum(issubclass(kind, side) for side in sides) == 1
