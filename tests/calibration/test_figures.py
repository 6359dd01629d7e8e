"""Figures that are drawn beside a calibration: the same ones, and no process is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
import xarray as xr

from qpu_calibration.archive import Archive
from qpu_calibration.catalog import routine
from qpu_calibration.figures import NOT_YET, Figures
from tests.calibration.slow import endless

WAIT_S = 60.0


def _never() -> bool:
    return False


def _painters() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        # one that has just ended
        with suppress(psutil.NoSuchProcess):
            found += [child] if "qpu_calibration.painter" in child.cmdline() else []
    return found


@pytest.fixture
def passes(stored: Callable[[str], xr.Dataset]) -> list:
    data = stored("rabi")
    return [(data, routine("rabi").fit(data))]


def test_a_figure_drawn_beside_is_the_one_drawn_here(passes, tmp_path):
    here = tmp_path / Archive(tmp_path).keep("rabi", passes * 2, routine("rabi").plot)
    with Figures() as figures:
        assert not _painters()
        there = tmp_path / Archive(tmp_path, figures).keep("rabi", passes * 2, routine("rabi").plot)
        assert figures.finish(_never) == 0
        assert len(_painters()) == 1
    assert not _painters()
    for name in ("figure.png", "pass0/figure.png"):
        assert (there / name).read_bytes() == (here / name).read_bytes()
    assert not list(there.rglob("*.txt"))


def test_why_a_figure_cannot_be_drawn_is_said_and_the_next_one_is_drawn(passes, tmp_path):
    (data, fits), told = passes[0], []
    with Figures() as figures:
        kept = Archive(tmp_path, figures)
        odd = tmp_path / kept.keep("rabi", [(data.drop_attrs(), fits)], routine("rabi").plot)
        gone = tmp_path / kept.keep("gone", passes, routine("rabi").plot)
        good = tmp_path / kept.keep("rabi", passes, routine("rabi").plot)
        assert figures.finish(_never, lambda done, of: told.append((done, of))) == 0
    assert told[0][1] == 3
    assert (odd / "figure.txt").read_text() == "no figure could be drawn: KeyError: 'kind'\n"
    assert "a routine must be one of" in (gone / "figure.txt").read_text()
    assert (good / "figure.png").exists()
    assert kept.undrawn() == [(odd, "rabi"), (gone, "gone")]


def test_ctrl_c_does_not_reach_a_process_that_draws_however_early_it_comes(passes, tmp_path):
    with Figures() as figures:
        kept = Archive(tmp_path, figures)
        kept.keep("rabi", passes, routine("rabi").plot)
        figures.finish(_never)
        (painter,) = _painters()
        painter.send_signal(signal.SIGINT)
        run = tmp_path / kept.keep("rabi", passes, routine("rabi").plot)
        figures.finish(_never)
        assert _painters() == [painter]
        assert (run / "figure.png").exists()


def test_a_process_that_dies_is_followed_by_another_and_one_that_cannot_start_is_told_of(passes, tmp_path, monkeypatch):
    with Figures() as figures:
        kept = Archive(tmp_path, figures)
        kept.keep("rabi", passes, routine("rabi").plot)
        figures.finish(_never)
        lost, early = (tmp_path / Archive(tmp_path).keep("rabi", passes) for _ in range(2))
        with endless(lost) as begun:
            figures.ask(lost, "rabi")
            begun()
            _painters()[0].kill()
            figures.finish(_never)
        again = tmp_path / kept.keep("rabi", passes, routine("rabi").plot)
        figures.finish(_never)
        (painter,) = _painters()
        painter.kill()
        # dead before it is asked; who waits for it here would take its end away from who started it
        while painter.status() != psutil.STATUS_ZOMBIE:
            pass
        figures.ask(early, "rabi")
        figures.finish(_never)
        drawn = tmp_path / kept.keep("rabi", passes, routine("rabi").plot)
        figures.finish(_never)
        assert (again / "figure.png").exists()
        assert (drawn / "figure.png").exists()
        monkeypatch.setattr(sys, "executable", str(tmp_path / "no such python"))
        _painters()[0].kill()
        kept.keep("rabi", passes, routine("rabi").plot)
        cannot = tmp_path / kept.keep("rabi", passes, routine("rabi").plot)
        figures.finish(_never)
    for run in (lost, early):
        assert "no figure could be drawn: the process that draws has died" in (run / "figure.txt").read_text()
    assert "no such python" in (cannot / "figure.txt").read_text()


def test_who_leaves_early_leaves_figures_out_and_no_process_behind(passes, tmp_path):
    with Figures() as figures:
        kept = Archive(tmp_path, figures)
        kept.keep("rabi", passes, routine("rabi").plot)
        figures.finish(_never)
        (painter,) = _painters()
        painter.suspend()
        runs = [tmp_path / kept.keep("rabi", passes, routine("rabi").plot) for _ in range(3)]
        assert figures.finish(lambda: True) == 3
    assert not painter.is_running()
    assert [(run / "figure.txt").read_text() for run in runs] == [f"{NOT_YET}\n"] * 3
    assert [place for place, _ in kept.undrawn()] == runs


def test_a_process_that_nobody_asks_ends_and_the_next_figure_has_another(passes, tmp_path):
    with Figures(idle_s=0.0) as figures:
        kept = Archive(tmp_path, figures)
        # its process is not ended before it has drawn
        first = tmp_path / kept.keep("rabi", passes, routine("rabi").plot)
        assert figures.finish(_never) == 0
        psutil.wait_procs(_painters(), timeout=WAIT_S)
        assert not _painters()
        second = tmp_path / kept.keep("rabi", passes, routine("rabi").plot)
        assert figures.finish(_never) == 0
    assert (first / "figure.png").read_bytes() == (second / "figure.png").read_bytes()


KILLED = """
import sys
from pathlib import Path
import psutil
from qpu_calibration.figures import Figures
figures = Figures()
figures.ask(Path(sys.argv[1]), "rabi")
figures.finish(lambda: False)
figures.ask(Path(sys.argv[2]), "rabi")
print(psutil.Process().children()[0].pid, flush=True)
input()
"""


def test_no_process_survives_one_that_was_killed_whatever_it_draws(passes, tmp_path):
    drawn, slow = (tmp_path / Archive(tmp_path).keep("rabi", passes) for _ in range(2))
    with endless(slow) as begun:
        line = [sys.executable, "-c", KILLED, str(drawn), str(slow)]
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            painter = psutil.Process(int(process.stdout.readline()))
            begun()
            process.kill()
        psutil.wait_procs([painter], timeout=WAIT_S)
        assert not painter.is_running()
    assert (drawn / "figure.png").exists()
    assert not (slow / "figure.png").exists()
