from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Snapshot, file


def test_round_trip(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "three.json"
    snapshot.write(path)
    assert Snapshot.read(path) == snapshot
    before = path.read_bytes()
    Snapshot.read(path).write(path)
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["three.json"]


def test_lists_of_numbers_stay_on_one_line(snapshot: Snapshot, tmp_path: Path) -> None:
    snapshot.write(tmp_path / "three.json")
    text = (tmp_path / "three.json").read_text()
    assert '"real": [0.1, 0.5, 0.1],' in text
    assert '"qubits": [0, 1],' in text
    assert '"dt": "1/1000000000",' in text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "must be JSON"),
        ('{"format": NaN}', "NaN is no number"),
        ("[]", "JSON object; got list"),
        ("{}", "format number 1; got null"),
        ('{"format": 2}', "format number 1; got 2"),
        ('{"format": 1}', "device: Field required"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=sentence) as caught:
        Snapshot.read(path)
    assert str(path) in str(caught.value)


def test_a_wrong_field_is_named(fields: dict[str, Any], tmp_path: Path) -> None:
    fields["qubits"][1]["t1"] = "long"
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(fields))
    with pytest.raises(SettingsError, match=r"qubits\.1\.t1"):
        Snapshot.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        Snapshot.read(tmp_path / "none.json")


def test_a_failed_write_leaves_nothing(snapshot: Snapshot, tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    with pytest.raises(OSError):
        snapshot.write(target)
    assert [child.name for child in tmp_path.iterdir()] == ["taken"]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)))
def test_whatever_is_written_is_read_again(value: Any) -> None:
    assert json.loads(file.text({"value": value})) == {"value": value}


def test_people_read_it() -> None:
    found = file.text(
        {"gates": [{"name": "sx", "angles": [0.5, -1], "qubits": []}], "names": ["µ", "b"], "points": [[1.5, 2], [3, 4]]}
    )
    assert found.splitlines() == [
        "{",
        '  "gates": [',
        "    {",
        '      "name": "sx",',
        '      "angles": [0.5, -1],',
        '      "qubits": []',
        "    }",
        "  ],",
        '  "names": [',
        '    "µ",',
        '    "b"',
        "  ],",
        '  "points": [',
        "    [1.5, 2],",
        "    [3, 4]",
        "  ]",
        "}",
    ]
