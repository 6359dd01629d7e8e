"""A program that goes on though it was told to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from qpu_bridge.errors import WrongState
from qpu_bridge.jobs.job import Job
from qpu_bridge.jobs.states import Move
from qpu_bridge.jobs.work import Work

STOP_S = {Move.CANCEL: 20.0, Move.OVERRUN: 20.0, Move.PUT_BACK: 5.0}
"""How long a program may take to stop when it is told to, s; then its process ends, whatever it does. A runner that is told to
leave has less time than whoever told it grants."""

logger = logging.getLogger(__name__)


class Deaf:
    """Notices a program that goes on though it was told to stop, and ends the process that it is in."""

    def __init__(self, exit: Callable[[], None]) -> None:
        self._exit = exit
        self._told: tuple[Work, float] | None = None

    def look(self, current: tuple[Job, Work] | None, settle: Callable[[Job, Work], None]) -> None:
        """To be called now and then."""
        if current is None or not current[1].cancelled():
            self._told = None
            return
        job, work = current
        if self._told is None or self._told[0] is not work:
            self._told = (work, time.monotonic())
        assert work.stopped_by is not None
        if time.monotonic() - self._told[1] < STOP_S[work.stopped_by]:
            return
        # it may have ended in this very moment
        with suppress(WrongState):
            settle(job, work)
            logger.error("job %s does not stop: its runner is started again", job.id)
            self._exit()
