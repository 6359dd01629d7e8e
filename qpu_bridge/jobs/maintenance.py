"""Maintenance windows: when people work on a device, and no job may be in their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from qpu_bridge.errors import BadRequest, NotFound
from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import from_microseconds, to_microseconds
from qpu_bridge.jobs.tables import maintenance

# Made once: to write a query down in Python takes longer than to answer it.
_COMING = select(maintenance).where(maintenance.c.stops > bindparam("at")).order_by(maintenance.c.starts, maintenance.c.number)
_COMING_TO = _COMING.where(maintenance.c.device == bindparam("device"))


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which people work on a device.

    Attributes:
        number: Its number.
        device: Which device.
        starts: When it begins, UTC.
        stops: When it ends by itself, UTC.
        reason: What users are told.
    """

    number: int
    device: str
    starts: datetime
    stops: datetime
    reason: str

    @property
    def words(self) -> str:
        """What users are told while it lasts."""
        until = f"maintenance until {self.stops.isoformat(timespec='minutes').replace('+00:00', 'Z')}"
        return f"{until}: {self.reason}" if self.reason else until


class Maintenance:
    """The windows of all devices.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, device: str, starts: datetime, stops: datetime, reason: str = "", *, actor: str = BRIDGE) -> Window:
        """Plan a window. Jobs that would not end before it do not start; those that run when it begins are not stopped.

        Raises:
            BadRequest: If it does not end after it begins, or has ended.
        """
        if not starts < stops:
            raise BadRequest("maintenance must end after it begins", given=f"{starts} to {stops}", where="stops")
        if stops <= self._database.clock():
            raise BadRequest("maintenance must end in the future", given=str(stops), where="stops")
        row = insert(maintenance).values(
            device=device, starts=to_microseconds(starts), stops=to_microseconds(stops), reason=reason
        )
        with self._database.write() as connection:
            number = connection.execute(row.returning(maintenance.c.number)).scalar_one()
            record(
                connection, actor, "maintenance.plan", device, f"{number}: {starts.isoformat()} to {stops.isoformat()}: {reason}"
            )
        return Window(number, device, starts, stops, reason)

    def remove(self, number: int, *, actor: str = BRIDGE) -> None:
        """End a window, or strike it before it begins.

        Raises:
            NotFound: If there is none.
        """
        with self._database.write() as connection:
            query = delete(maintenance).where(maintenance.c.number == number).returning(maintenance.c.device)
            device = connection.execute(query).scalar_one_or_none()
            if device is None:
                raise NotFound("the maintenance window must exist", given=number)
            record(connection, actor, "maintenance.remove", device, str(number))

    def windows(self, device: str | None = None) -> tuple[Window, ...]:
        """Windows that have not ended, of one device or of all, the earliest first."""
        with self._database.read() as connection:
            return coming_windows(connection, device, self._database.at())


def coming_windows(connection: Connection, device: str | None, at: int) -> tuple[Window, ...]:
    """Windows that have not ended at a moment (µs since 1970), the earliest first."""
    told: dict[str, object] = {"at": at} if device is None else {"at": at, "device": device}
    return tuple(
        Window(row.number, row.device, from_microseconds(row.starts), from_microseconds(row.stops), row.reason)
        for row in connection.execute(_COMING if device is None else _COMING_TO, told)
    )
