"""Whether to stop is asked while a job is read and lowered, not only while it is played."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qpu_bridge.errors import Cancelled
from qpu_bridge.programs import Context, circuits, executor, run
from tests.programs.test_executor import params
from tests.programs.test_result_size import MEASURED


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, done: list[str]) -> None:
    plain: Callable[..., Any] = getattr(module, name)

    def note(*arguments: Any, **more: Any) -> Any:
        done.append(name)
        return plain(*arguments, **more)

    monkeypatch.setattr(module, name, note)


def test_between_circuits_that_are_read(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    counted(monkeypatch, circuits.qasm3, "loads", done)
    text = json.dumps({"pubs": [[MEASURED, None, 10]] * 5, "version": 2})
    with pytest.raises(Cancelled):
        run("sampler", text, replace(context, cancelled=lambda: len(done) == 2))
    assert len(done) == 2


def test_before_anything_is_lowered_and_before_anything_is_played(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    counted(monkeypatch, executor, "lower", done)
    with pytest.raises(Cancelled):
        run("executor", params("v2.0"), replace(context, cancelled=lambda: True))
    assert not done
    with pytest.raises(Cancelled):
        run("executor", params("v2.0"), replace(context, cancelled=lambda: bool(done)))
    assert context.execution.usage_seconds == 0
