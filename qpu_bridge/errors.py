"""Every error the bridge raises on purpose, in one page.

The tree is split by who can act: the *caller* changes the request, the *operator* mends the rack, the *developer* mends the code.
An error keeps its facts as fields, builds its sentence from them, and survives the wire (`to_document`, `from_document`).
Codes are stable: a client may rely on them. 1305 is the client library's own (ran too long); the others are ours.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

UNUSABLE = os.EX_CONFIG
"""Exit code of a process that ends with a `SettingsError`: to start it again would not help."""


LONGEST = 1000
"""Characters of what was given, and of where, that an error repeats: whoever asks decides how much there is."""


class BridgeError(Exception):
    """Base of all errors raised on purpose.

    Args:
        must: What must hold, as a sentence without a final stop.
        given: What was given instead.
        where: Where: qubit, time, gate, field.
        remedy: What to do about it.
    """

    code: ClassVar[int] = 9000

    def __init__(self, must: str, *, given: object = None, where: str = "", remedy: str = "") -> None:
        self.must = must
        self.given = given if given is None or isinstance(given, int | float | bool) else _cut(str(given))
        self.where = _cut(where)
        self.remedy = remedy
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """What must hold; what was given, and where; what to do."""
        text = self.must
        if self.given is not None:
            text += f"; got {self.given}"
        if self.where:
            text += f" ({self.where})"
        return f"{text}. {self.remedy}".rstrip() if self.remedy else f"{text}."

    def to_document(self) -> dict[str, Any]:
        """The error as plain data that any process may read."""
        return {
            "kind": type(self).__name__,
            "must": self.must,
            "given": self.given,
            "where": self.where,
            "remedy": self.remedy,
        }

    @staticmethod
    def from_document(document: dict[str, Any]) -> BridgeError:
        """Rebuild an error; an unknown kind becomes a `DriverFault` (nothing received is resolved to code)."""
        kind = _KINDS.get(str(document.get("kind")), DriverFault)
        return kind(
            str(document.get("must", "an error must say what must hold")),
            given=document.get("given"),
            where=str(document.get("where", "")),
            remedy=str(document.get("remedy", "")),
        )


class CallerError(BridgeError):
    """The request is wrong: the caller changes it."""

    code = 1000


class BadRequest(CallerError):
    """A field is missing, malformed, or of an unknown version."""

    code = 1001


class TooLarge(CallerError):
    """A stated limit on size, count, or length is exceeded."""

    code = 1002


class UnsupportedOption(CallerError):
    """An option that this bridge, program or device cannot honour."""

    code = 1003


class UnsupportedProgram(CallerError):
    """A program id that the bridge does not run."""

    code = 1004


class NotFound(CallerError):
    """What was asked for does not exist, or belongs to somebody else: the two look the same on purpose."""

    code = 1005


class WrongState(CallerError):
    """The thing exists, but its life cycle does not allow this now."""

    code = 1006


class NotAuthorized(CallerError):
    """Nobody we know asks."""

    code = 1007


class NotAllowed(CallerError):
    """Somebody we know asks for what their role may not do."""

    code = 1008


class QuotaReached(CallerError):
    """A user or an instance has as much of the queue or of the devices' time as they may have."""

    code = 1009


class NotNative(CallerError):
    """A circuit holds an operation that the target does not have at these qubits or angles."""

    code = 1517


class ScheduleError(CallerError):
    """A schedule breaks a rule or a limit of the device."""

    code = 1520


class NotLoaded(ScheduleError):
    """A run names a template that the device does not hold (any more): load it and run again; nothing was played."""

    code = 1521


class RanTooLong(CallerError):
    """The job used more device time than it asked for."""

    code = 1305


class OperatorError(BridgeError):
    """The rack is wrong: whoever runs the bridge mends it."""

    code = 3000


class SettingsError(OperatorError):
    """The rack file, a snapshot or a plugin is not usable."""

    code = 3001


class DriverFault(OperatorError):
    """The driver or its instruments failed while doing what it was asked."""

    code = 3100


class DriverLost(OperatorError):
    """The driver process died, hung, or cannot be reached."""

    code = 3101


class DriverLeft(DriverLost):
    """The driver was told to leave while there was work for it: no fault of the work, which is taken up when it is back."""

    code = 3104


class Poison(OperatorError):
    """A job ended the driver's process again and again, and is not tried any more."""

    code = 3103


class StoreFault(OperatorError):
    """The job store cannot be read or written: a full disk, a lock held too long, a damaged file."""

    code = 3200


class DeveloperError(BridgeError):
    """The code is wrong: a promise between two parts was broken."""

    code = 5000


class ProtocolError(DeveloperError):
    """A message does not follow wire/PROTOCOL.md."""

    code = 5001


class Cancelled(BridgeError):
    """The work was stopped because somebody asked for it."""

    code = 2000


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text)} characters)"


def _kinds(root: type[BridgeError]) -> dict[str, type[BridgeError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= _kinds(child)
    return found


_KINDS = _kinds(BridgeError)
