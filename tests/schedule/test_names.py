from __future__ import annotations

from qpu_bridge.schedule.names import Names


def test_names_are_legal_and_unique() -> None:
    names = Names()
    assert names("c", 0, "c[0]") == "c_0"
    assert names("c", 1, "c-0") == "c_0_2"
    assert names("c", 0) == "c_0"
    assert names("c", 2, "for") == "for_2"
    assert names("c", 3, "0q") == "c_0q"
    assert names("c", 4, "µ") == "c"
