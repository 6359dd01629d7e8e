"""What lasts is left alone by the garbage collector, and what comes later is not."""

from __future__ import annotations

import gc
import weakref

import pytest

from qpu_bridge.lasting import lasting


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_what_lasts_is_never_looked_through_and_what_comes_later_is():
    with lasting():
        assert not gc.isenabled()
        kept = weakref.ref(Ring())
    assert gc.isenabled()
    later = weakref.ref(Ring())
    gc.collect()
    assert kept() is not None
    assert later() is None


def test_an_error_inside_passes_and_who_does_not_collect_goes_on_so():
    gc.disable()
    try:
        with pytest.raises(KeyError), lasting():
            raise KeyError
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
