"""Hand sequences to the vendor's dummy cluster, which assembles them with the vendor's own binary, and plays nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from qpu_drivers.qblox.vendor import close_cluster


@contextmanager
def dummy(modules: Mapping[int, str]) -> Iterator[Any]:
    """The vendor's dummy, ``{2: "QCM-RF"}``; it needs a working directory of its own."""
    from qblox_instruments import Cluster, ClusterType

    kinds = {slot: ClusterType(f"Cluster {kind}") for slot, kind in modules.items()}
    cluster = Cluster("dummy_of_the_oracle", dummy_cfg=kinds)
    try:
        yield cluster
    finally:
        close_cluster(cluster)


def assemble(cluster: Any, place: tuple[int, int], sequence: Mapping[str, object]) -> None:
    """Upload to one sequencer.

    Raises:
        RuntimeError: With the log of the assembler, if it refuses.
    """
    module = cluster.modules[place[0] - 1]
    try:
        module.sequencers[place[1]].sequence(dict(sequence))
    except RuntimeError as error:
        raise RuntimeError(module.get_assembler_log()) from error
