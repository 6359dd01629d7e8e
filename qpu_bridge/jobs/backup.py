"""Copies of a store in SQLite: made while it is used, checked to the last byte before they replace anything."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from qpu_bridge.errors import SettingsError, StoreFault
from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.columns import SEAL, Sealed
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.sqlite import BUSY_S, make_private
from qpu_bridge.jobs.tables import metadata

REPLACED = ".replaced"
"""Added to the name of a store that a restored one has replaced."""


def back_up(store: Path, file: Path) -> None:
    """Write a copy of a store as it is at this moment; those who use it need not stop.

    Args:
        store: The store.
        file: The copy, which must not exist yet. It is for its owner only, and appears when it is whole and has been checked.

    Raises:
        SettingsError: If there is no store, or the copy exists already.
        StoreFault: If the store is damaged, or the copy cannot be written.
    """
    if not store.exists():
        raise SettingsError("the job store must exist", where=str(store))
    if file.exists():
        raise SettingsError("a backup must not replace a file", given=str(file), remedy="Name a new file.")
    with _aside(file) as aside, _said(file):
        _copy(store, aside)
        check(aside)
        _put(aside, file)


def restore(file: Path, store: Path, *, actor: str = BRIDGE) -> Path | None:
    """Put a backup in the place of a store, which nobody may use meanwhile.

    Args:
        file: The backup; an older one is migrated.
        store: The store; it stays beside the restored one, under another name.
        actor: Who wants it, for the audit log.

    Returns:
        The new name of the store that was there; None if there was none.

    Raises:
        SettingsError: If there is no backup, or it was made by a newer bridge.
        StoreFault: If it is damaged. The store is then as it was.
    """
    if not file.is_file():
        raise SettingsError("the backup must be a file", given=str(file))
    with _aside(store) as aside, _said(store):
        _copy(file, aside)
        check(aside)
        with closing(Database(aside)) as database, database.write() as connection:
            record(connection, actor, "store.restore", file.name)
        _close_journal(aside)
        replaced = _set_aside(store) if store.exists() else None
        _put(aside, store)
    return replaced


def check(file: Path) -> None:
    """Read every page, every index and every sealed text of a store.

    Raises:
        StoreFault: With the first thing that is damaged.
    """
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as raw:
        for question in ("integrity_check(1)", "foreign_key_check"):
            answer = raw.execute(f"PRAGMA {question}").fetchone()
            if answer not in (("ok",), None):
                raise _damaged(file, " ".join(map(str, answer)))
        there = {name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table in metadata.sorted_tables:
            for column in (column.name for column in table.c if isinstance(column.type, Sealed) and table.name in there):
                for job, text in raw.execute(f'SELECT job, "{column}" FROM "{table.name}"'):
                    if text[:SEAL] != zlib.crc32(text[SEAL:]).to_bytes(SEAL, "big"):
                        raise _damaged(file, f"{table.name} of job number {job}")


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        # in one step: a copy in several begins anew whenever somebody writes
        old.backup(new)
    _close_journal(target)


def _close_journal(file: Path) -> None:
    """Make a store one file, without the journal beside it."""
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")


def _set_aside(store: Path) -> Path:
    """Keep a store under another name; until the next one is put in its place, it is there under both."""
    journals = [store.with_name(f"{store.name}{end}") for end in ("-wal", "-shm")]
    kept = store.with_name(f"{store.name}{REPLACED}")
    try:
        with closing(sqlite3.connect(store, timeout=BUSY_S)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.DatabaseError:
        pass  # it is damaged, which may be why it is replaced; its journal goes with it
    for journal in journals:
        # left there it would be played into the restored store
        if journal.exists():
            journal.replace(journal.with_name(journal.name.replace(store.name, kept.name)))
    kept.unlink(missing_ok=True)
    os.link(store, kept)
    return kept


def _put(aside: Path, file: Path) -> None:
    """Put a finished file in its place, whole even after a power cut."""
    with aside.open("rb") as written:
        os.fsync(written.fileno())
    aside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _aside(file: Path) -> Iterator[Path]:
    """A private file beside another, gone at the end unless it has been moved."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    make_private(aside)
    try:
        yield aside
    finally:
        for end in ("", "-wal", "-shm", "-journal", ".journal.lock"):
            aside.with_name(f"{aside.name}{end}").unlink(missing_ok=True)


@contextmanager
def _said(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        raise StoreFault("the job store must be copied whole", given=f"{name} {error}".strip(), where=str(file)) from error


def _damaged(file: Path, what: str) -> StoreFault:
    return StoreFault("a store must be undamaged", given=what, where=str(file), remedy="Take an older backup.")
