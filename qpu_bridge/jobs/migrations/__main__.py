"""Write the next revision: what `tables` has and the last revision has not. To be read and mended before it is committed.

python -m qpu_bridge.jobs.migrations "Give jobs a colour"
python -m qpu_bridge.jobs.migrations --anew "Make the tables"     one instead of all: only as long as nothing is released
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.operations.ops import CreateIndexOp, CreateTableOp, MigrationScript, UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from qpu_bridge.jobs import migrations
from qpu_bridge.jobs.tables import metadata


def write(message: str, *, anew: bool = False) -> Path:
    """Write a revision beside the others; `migrations.HEAD` is then to be raised."""
    number = 1 if anew else len(list(migrations.VERSIONS.glob("r*.py"))) + 1
    if anew:
        for file in migrations.VERSIONS.glob("r*.py"):
            file.unlink()

    def fill(_: MigrationContext, __: object, scripts: list[MigrationScript]) -> None:
        # a comparison would leave out indexes over expressions, which SQLite does not show
        if number == 1:
            scripts[0].upgrade_ops = UpgradeOps(list(_everything()))

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        settings = migrations.config(connection)
        settings.set_main_option("file_template", "r%%(rev)s")
        command.upgrade(settings, "heads")
        command.revision(settings, message, autogenerate=True, rev_id=f"{number:04d}", process_revision_directives=fill)
    path = migrations.VERSIONS / f"r{number:04d}.py"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")), encoding="utf-8")
    return path


def _everything() -> Iterable[CreateTableOp | CreateIndexOp]:
    for table in metadata.sorted_tables:
        yield CreateTableOp.from_table(table)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield CreateIndexOp.from_index(index)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("message", help="what the revision does")
    parser.add_argument("--anew", action="store_true", help="replace all revisions by one")
    given = parser.parse_args()
    print(write(given.message, anew=given.anew))
