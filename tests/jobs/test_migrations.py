"""A store made by the revisions is the one that the tables describe; older ones are brought up once; newer ones are refused."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from qpu_bridge.errors import SettingsError
from qpu_bridge.jobs import Request, Store, migrations
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.tables import jobs, metadata
from tests.jobs.conftest import ALICE
from tests.jobs.postgresql import Server

SHAPES = {
    "sqlite": [
        "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c",
        "SELECT m.name, CASE i.origin WHEN 'c' THEN i.name ELSE i.origin END,"
        " i.\"unique\", i.partial, group_concat(k.name), sum(k.desc)"
        " FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_xinfo(i.name) k GROUP BY m.name, i.name",
        "SELECT m.name, f.\"table\", f.\"from\", f.\"to\", f.on_delete FROM sqlite_schema m, pragma_foreign_key_list(m.name) f",
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
        "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema WHERE type = 'table'",
    ],
    "postgresql": [
        "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public'",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
    ],
}  # fmt: skip
"""What there is to know of the tables, in rows."""


def shape(connection: Connection) -> list[set[tuple[object, ...]]]:
    rows = [{tuple(row) for row in connection.execute(text(query))} for query in SHAPES[connection.dialect.name]]
    return [{row for row in found if "alembic_version" not in str(row)} for found in rows]


@pytest.fixture
def empty(request: pytest.FixtureRequest, address: Path | str) -> Iterator[Path | str]:
    """A place without tables."""
    if isinstance(address, Path):
        yield address
    else:
        server: Server = request.getfixturevalue("postgresql")
        with server.empty() as url:
            yield url


def test_the_revisions_make_the_tables(empty: Path | str, tmp_path: Path) -> None:
    with closing(Database(empty)) as database, database.read() as connection:
        made = shape(connection)
    engine = create_engine(
        f"sqlite:///{tmp_path / 'plain.db'}" if isinstance(empty, Path) else empty.replace("postgresql:", "postgresql+psycopg:")
    )
    with engine.begin() as connection:
        if not isinstance(empty, Path):
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        metadata.create_all(connection)
        described = shape(connection)
    engine.dispose()
    assert all(described[:2])
    for known, wanted in zip(made, described, strict=True):
        assert known ^ wanted == set(), "after a change of the tables: python -m qpu_bridge.jobs.migrations"


def test_the_head_is_the_last_revision() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        assert ScriptDirectory.from_config(migrations.config(connection)).get_current_head() == migrations.HEAD
    engine.dispose()


def test_a_store_that_is_up_to_date_opens_without_alembic(
    store: Store, address: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "alembic", None)
    Store(address).close()


def test_an_older_store_is_brought_up_by_one_and_keeps_its_jobs(
    empty: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(empty)) as store:
        job = store.accept(ALICE, Request("sampler", "lab_two", b"{}"))
    newer = shutil.copytree(migrations.VERSIONS, tmp_path / "versions")
    (newer / "next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = 'next', {migrations.HEAD!r}\n"
        "def upgrade():\n"
        "    op.add_column('jobs', sa.Column('colour', sa.Text()))\n"
        "    op.execute(sa.text(\"UPDATE jobs SET colour = 'red'\"))\n"
    )
    monkeypatch.setattr(migrations, "VERSIONS", newer)
    monkeypatch.setattr(migrations, "HEAD", "next")
    ready, failed = threading.Barrier(6), []

    def open_it() -> None:
        ready.wait()
        try:
            Store(empty).close()
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(ready.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with closing(Store(empty)) as store:
        assert store.job(job.id) == job
        with store.database.read() as connection:
            assert connection.execute(text("SELECT colour FROM jobs")).scalars().all() == ["red"]


def test_a_migration_that_fails_leaves_everything_as_it_was(
    empty: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(empty).close()
    newer = shutil.copytree(migrations.VERSIONS, tmp_path / "versions")
    (newer / "next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = 'next', {migrations.HEAD!r}\n"
        "def upgrade():\n"
        "    op.add_column('jobs', sa.Column('colour', sa.Text()))\n"
        "    raise KeyError('half way')\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "VERSIONS", newer)
        patch.setattr(migrations, "HEAD", "next")
        with pytest.raises(KeyError, match="half way"):
            Store(empty)
    with closing(Store(empty)) as store, store.database.read() as connection:
        assert "colour" not in {column for found in shape(connection) for row in found for column in row}


def test_a_newer_store_is_refused(empty: Path | str) -> None:
    with closing(Store(empty)) as store, store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match=r"revision 0001 or an older one; got 9999 .*A newer bridge has made it"):
        Store(empty)


def test_tables_of_somebody_else_are_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE poems (text)")
    with pytest.raises(SettingsError, match="store of this bridge, or an empty database; got one with the tables poems"):
        Store(path)


def test_the_number_of_a_job_counts_up_in_every_database(store: Store) -> None:
    with store.database.write() as connection:
        values = {
            c.name: {"BLOB": b"", "BOOLEAN": False}.get(str(c.type), 0) for c in jobs.c if not c.nullable and c.name != "number"
        }
        words = {c.name: "x" for c in jobs.c if str(c.type) == "TEXT" and not c.nullable}
        numbers = [
            connection.execute(jobs.insert().values(values | words | {"id": str(n)}).returning(jobs.c.number)).scalar_one()
            for n in "ab"
        ]
    assert numbers == [1, 2]
