"""A driver that goes on with what nobody waits for any more: stopped, and if it does not stop, ended."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from qpu_bridge.driver import Driver, State
from qpu_bridge.errors import BridgeError, OperatorError
from qpu_bridge.transport import Supervisor

STOP_S = 5.0
"""How long a driver may take to stop a run, s."""

logger = logging.getLogger(__name__)


def free(driver: Driver, supervisor: Supervisor | None) -> None:
    """After a run was lost: make sure that the driver does not play it still.

    A process that is gone needs nothing. One that answers and says that it is running is told to stop; if it does not, its
    process is ended, and the supervisor starts another. One that somebody else started can only be told.
    """
    until_s = time.monotonic() + STOP_S
    with suppress(OperatorError):
        while driver.status().state is State.RUNNING:
            if time.monotonic() > until_s:
                logger.error("the driver does not stop a run that nobody waits for any more")
                if supervisor is not None:
                    supervisor.restart("it did not stop a run")
                return
            with suppress(BridgeError):
                driver.abort()
            time.sleep(0.05)
