"""A server that is told to leave: who wants something of it hears so, and goes on when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from qpu_bridge.driver import Chunk, Driver, Run
from qpu_bridge.errors import BridgeError, Cancelled, DriverFault, DriverLeft
from qpu_bridge.execution import Execution
from qpu_bridge.transport import DriverServer, RemoteDriver
from tests.transport.spy import FIRST, LONG_S, SECOND, THIRD, Spy, run_of, series, started


class Slow(Spy):
    """Takes its time to close, and says what the test wants when it is interrupted."""

    def __init__(self, driver: Driver, interrupted: BridgeError | None = None) -> None:
        super().__init__(driver)
        self.closing, self.closed = Event(), Event()
        self.interrupted = interrupted or Cancelled("the run was stopped")

    def run(self, run: Run) -> Iterator[Chunk]:
        try:
            yield from super().run(run)
        except Cancelled:
            raise self.interrupted from None

    def close(self) -> None:
        self.closing.set()
        assert self.closed.wait(LONG_S)


@contextmanager
def leaving(server: DriverServer, spy: Slow) -> Iterator[None]:
    """While the driver is being closed."""
    thread = Thread(target=server.close_driver)
    thread.start()
    assert spy.closing.wait(LONG_S)
    yield
    spy.closed.set()
    thread.join(LONG_S)
    server.stop()


@pytest.mark.parametrize("interrupted", [Cancelled("the run was stopped"), DriverFault("an instrument must answer")])
def test_a_run_that_it_interrupts_is_taken_up_again_and_no_death_of_a_driver(
    loopback: Driver, endpoint: str, interrupted: BridgeError
) -> None:
    """Of that, two would be enough to give a job up."""
    spy, after = Slow(loopback, interrupted), Spy(loopback)
    after.hold.set()
    losses: list[int] = []
    found: list[int] = []
    server = DriverServer(spy, endpoint)
    server.start()
    remote = RemoteDriver(endpoint)
    execution = Execution(remote, spy.capabilities(), retry_pause_s=0.01, lost=lambda: losses.append(1))
    thread = Thread(target=lambda: found.extend(number for number, _ in execution.run_all(series(FIRST, SECOND, THIRD))))
    thread.start()
    assert spy.begun.wait(LONG_S)
    with leaving(server, spy):
        pass
    with started(DriverServer(after, endpoint)):
        thread.join(LONG_S)
        remote.close()
    assert found == [0, 1, 2]
    assert execution.resumed == 1
    assert not losses
    # what it was told of beyond is not begun
    assert [one for one in spy.asked if one.startswith("run")] == ["run first"]


def test_what_is_asked_of_it_meanwhile_is_not_done_and_no_death_either(loopback: Driver, endpoint: str) -> None:
    spy = Slow(loopback)
    spy.hold.set()
    server = DriverServer(spy, endpoint)
    server.start()
    remote = RemoteDriver(endpoint)
    remote.load(FIRST)
    asked = list(spy.asked)
    with leaving(server, spy):
        later: list[Callable[[], object]] = [
            lambda: list(remote.run(run_of(FIRST))),
            lambda: remote.load(SECOND),
            remote.status,
        ]
        for ask in later:
            with pytest.raises(DriverLeft, match=r"told to leave|about to end"):
                ask()
        remote.abort()
        other = RemoteDriver(endpoint)
        assert other.capabilities() == spy.capabilities()
        other.close()
        assert spy.asked == asked
    remote.close()


def test_a_run_that_begins_as_it_is_told_is_stopped_too(loopback: Driver, endpoint: str) -> None:
    """The first abort comes too early for it."""

    class Late(Slow):
        aborts = 0

        def abort(self) -> None:
            self.aborts += 1
            if self.aborts > 1:
                super().abort()

    spy = Late(loopback)
    server = DriverServer(spy, endpoint)
    server.start()
    remote = RemoteDriver(endpoint)
    remote.load(FIRST)
    raised: list[BaseException] = []

    def read() -> None:
        with pytest.raises(DriverLeft) as found:
            list(remote.run(run_of(FIRST)))
        raised.append(found.value)

    thread = Thread(target=read)
    thread.start()
    assert spy.begun.wait(LONG_S)
    with leaving(server, spy):
        thread.join(LONG_S)
    assert raised
    remote.close()
