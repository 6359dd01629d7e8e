"""What the rack file says of an emulated device, checked before anything else."""

import pytest

from qpu_bridge.errors import SettingsError
from qpu_emulator.options import Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cache": 5}, r"option cache must fit; got 5: .*boolean; .*path"),
        ({"faults": [{"kind": "flood"}]}, r"option faults must fit; got .*: 0\.kind: Input should be 'drop_chunk'"),
        ({"faults": [{"kind": "dead_qubit"}]}, r"option faults must fit; got .*: 0: .* must name its qubit"),
        ({"workers": "desk"}, r"option workers must fit; got 'desk': .*integer; .*tcp"),
        ({"memory": 0, "cache": 5}, r"option memory must fit; got 0: .*greater"),
    ],
    ids=["switch or path", "list", "whole entry", "number or address", "first of several"],
)
def test_an_option_of_several_types_is_refused_by_the_one_that_was_meant(options, words):
    with pytest.raises(SettingsError, match=words) as refusal:
        Options.of(options, "lab_five")
    assert ("valid boolean" in str(refusal.value)) == (options == {"cache": 5})
