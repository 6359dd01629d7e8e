"""Versions: every snapshot that a device has had, as plain files; the last one adopted is the one in use."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qpu_bridge.errors import NotFound, SettingsError
from qpu_bridge.schedule import Document
from qpu_bridge.target import file
from qpu_bridge.target.snapshot import Snapshot

CURRENT = "current.json"
"""File that names the version in use; replacing it is what adopts one."""

KEPT = 4
"""So many versions are kept in memory."""


class Provenance(Document):
    """Where a version comes from.

    Attributes:
        number: Counts the versions of a device from 0.
        calibration_id: Of its snapshot.
        made_at: When it was adopted, UTC.
        parent: Calibration that it changes; None for the first.
        routine: What made it: a routine, ``rollback``, ``import``, ``rack file``.
        targets: Qubits or couplers whose numbers it changes.
        operator: Who asked for it.
        software: Version of the code.
        reason: One line for people.
        data: Folders of raw data, relative to the device's.
        fits: What was found, as plain data.
    """

    number: int
    calibration_id: str
    made_at: datetime
    parent: str | None = None
    routine: str
    targets: tuple[tuple[int, ...], ...] = ()
    operator: str = ""
    software: str = ""
    reason: str = ""
    data: tuple[str, ...] = ()
    fits: tuple[dict[str, Any], ...] = ()


class Versions:
    """The snapshots of one device, oldest to newest; they are only ever added.

    A version is two files, ``000012.json`` (the snapshot, as anybody may read it) and ``000012.provenance.json``. It exists once
    ``current.json`` counts as far: that file is replaced last, in one step, so that a reader sees all of a version or nothing of
    it, and what a crash left behind is overwritten by the next one.

    Args:
        folder: Of the device; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[int, Provenance] = {}
        self._opened: dict[int, Snapshot] = {}

    @classmethod
    def of(cls, data_folder: Path, device: str) -> Versions:
        """Those of a device of a bridge."""
        return cls(data_folder / "calibration" / device)

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Changes whenever another version is adopted; None if there is none."""
        try:
            status = (self.folder / CURRENT).stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ino)

    def current(self) -> Snapshot | None:
        """The version in use, None if there is none."""
        last = self._last()
        return None if last is None else self._read(last)

    @property
    def path(self) -> Path | None:
        """File of the version in use, None if there is none."""
        last = self._last()
        return None if last is None else self._path(last)

    def open(self, calibration_id: str) -> Snapshot:
        """A version by its name.

        Raises:
            NotFound: If there is none.
        """
        for known in self.history():
            if known.calibration_id == calibration_id:
                return self._read(known.number)
        raise NotFound("the calibration must be one that the device has had", given=calibration_id[:64], where="calibration_id")

    def before(self, moment: datetime) -> Snapshot | None:
        """The version that was in use at a moment (with its zone), None if that is before the first."""
        for known in self.history():
            if known.made_at <= moment:
                return self._read(known.number)
        return None

    def history(self) -> list[Provenance]:
        """All versions, newest first."""
        last = self._last()
        return [] if last is None else [self._provenance(number) for number in range(last, -1, -1)]

    def found(self, snapshot: Snapshot, *, reason: str = "") -> Snapshot:
        """Make a snapshot the first version, as it is, unless there is one; the version in use."""
        with self._alone():
            current = self.current()
            if current is not None:
                return current
            self._write(
                snapshot,
                Provenance(
                    number=0,
                    calibration_id=snapshot.calibration_id,
                    made_at=snapshot.calibrated_at,
                    routine="rack file",
                    reason=reason,
                ),
            )
            return snapshot

    def commit(
        self,
        snapshot: Snapshot,
        *,
        routine: str,
        parent: str,
        targets: tuple[tuple[int, ...], ...] = (),
        operator: str = "",
        software: str = "",
        reason: str = "",
        data: tuple[str, ...] = (),
        fits: tuple[dict[str, Any], ...] = (),
        at: datetime | None = None,
    ) -> Snapshot:
        """Adopt a snapshot as the next version, under a name and a date of its own.

        Args:
            snapshot: The numbers.
            routine: What made it.
            parent: The version that it was made from; it must still be the one in use.
            targets: Qubits or couplers whose numbers it changes.
            operator: Who asked for it.
            software: Version of the code.
            reason: One line for people.
            data: Folders of raw data.
            fits: What was found.
            at: When; now, if None.

        Raises:
            SettingsError: If another version was adopted meanwhile, or the snapshot does not agree with itself.
        """
        with self._alone():
            last = self._last()
            if last is None or self._provenance(last).calibration_id != parent:
                there = "none" if last is None else self._provenance(last).calibration_id
                raise SettingsError(
                    "a new version must be made from the one in use", given=parent, where=f"in use: {there}", remedy="Try again."
                )
            before = self._provenance(last)
            made = max(datetime.now(UTC) if at is None else at, before.made_at)
            number = last + 1
            name = f"{snapshot.device}-{made:%Y%m%dT%H%M%SZ}-{number}"
            fields = snapshot.model_dump() | {"calibration_id": name, "calibrated_at": made}
            try:
                named = Snapshot.model_validate(fields)
            except ValidationError as error:
                raise SettingsError("a new version must agree with itself", given=file.sentences(error)) from error
            self._write(
                named,
                Provenance(
                    number=number,
                    calibration_id=name,
                    made_at=made,
                    parent=parent,
                    routine=routine,
                    targets=targets,
                    operator=operator,
                    software=software,
                    reason=reason,
                    data=data,
                    fits=fits,
                ),
            )
            return named

    def _write(self, snapshot: Snapshot, provenance: Provenance) -> None:
        snapshot.write(self._path(provenance.number))
        file.write(self._path(provenance.number, ".provenance.json"), provenance.model_dump(mode="json"))
        file.write(self.folder / CURRENT, {"number": provenance.number, "calibration_id": provenance.calibration_id})
        # the new names themselves must outlive a power cut
        place = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
        self._known.pop(provenance.number, None)
        self._opened.pop(provenance.number, None)

    def _read(self, number: int) -> Snapshot:
        """A version; one that was read before is the same object, for what is known of a snapshot is kept by identity."""
        if number not in self._opened:
            while len(self._opened) >= KEPT:
                del self._opened[next(iter(self._opened))]
            self._opened[number] = Snapshot.read(self._path(number))
        return self._opened[number]

    def _last(self) -> int | None:
        try:
            return int(json.loads((self.folder / CURRENT).read_text("utf-8"))["number"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                "the pointer to a device's calibration must be readable",
                given=str(error),
                where=str(self.folder / CURRENT),
                remedy='Write {"number": N} into it, N the number of the version that is to be in use.',
            ) from error

    def _provenance(self, number: int) -> Provenance:
        if number not in self._known:
            path = self._path(number, ".provenance.json")
            try:
                self._known[number] = Provenance.model_validate_json(path.read_bytes())
            except (OSError, ValidationError) as error:
                raise SettingsError("a version's provenance must be readable", given=str(error), where=str(path)) from error
        return self._known[number]

    def _path(self, number: int, ending: str = ".json") -> Path:
        return self.folder / f"{number:06d}{ending}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
