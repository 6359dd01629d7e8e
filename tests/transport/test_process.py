"""The end of a driver process."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import zmq

from qpu_bridge import plugins
from qpu_bridge.errors import DriverLost
from qpu_bridge.transport import RemoteDriver, lines, serve_driver
from qpu_bridge.transport.pulse import Pulse, new_session
from qpu_drivers.loopback import LoopbackDriver

LONG_S = 60.0


def test_a_driver_is_closed_while_its_process_is_still_heard(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse(zmq.Context.instance(), lines(endpoint)[0], None, new_session(), 0.02, LONG_S)
    closing, heard, refused = threading.Event(), threading.Event(), threading.Event()

    class SlowToClose(LoopbackDriver):
        def status(self) -> Any:
            assert not closing.is_set()
            return super().status()

        def close(self) -> None:
            if not closing.is_set():
                closing.set()
                before = pulse.heard
                # one was perhaps on its way
                for more in (0, 1):
                    pulse.wait(before + more, pulse.losses, LONG_S)
                if pulse.heard > before + 1 and pulse.losses == 0:
                    heard.set()
                refused.wait(LONG_S)
            super().close()

    monkeypatch.setattr(plugins, "open_driver", lambda name, device, snapshot, options: SlowToClose(device, snapshot, options))
    stop = threading.Event()
    thread = threading.Thread(target=serve_driver, args=("slow", "lab_five", lambda: "five", {}, endpoint), kwargs={"stop": stop})
    thread.start()
    remote = RemoteDriver(endpoint, answer_s=LONG_S)
    try:
        remote.status()
        pulse.require(LONG_S)
        stop.set()
        assert closing.wait(LONG_S)
        with pytest.raises(DriverLost, match="open"):
            remote.status()
        refused.set()
        assert heard.wait(LONG_S)
    finally:
        refused.set()
        stop.set()
        thread.join(LONG_S)
        remote.close()
        pulse.stop()
    assert not thread.is_alive()
