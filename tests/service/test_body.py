"""The exact text of each member of a JSON object."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.errors import BadRequest
from qpu_bridge.service.body import split

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_each_members_text_is_its_own(members: dict[str, object], indent: int | str | None, ascii_only: bool) -> None:
    raw = json.dumps(members, indent=indent, ensure_ascii=ascii_only)
    try:
        body = raw.encode()
    except UnicodeEncodeError:
        return  # half a character, which UTF-8 cannot carry
    found = split(body)
    assert list(found) == list(members)
    for name, member in found.items():
        assert member.text in raw
        assert repr(json.loads(member.text)) == repr(member.value) == repr(members[name])


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0 1eE-.tfn\\u', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        found = split(raw)
    except BadRequest:
        return
    assert {name: repr(member.value) for name, member in found.items()} == {
        name: repr(value) for name, value in json.loads(raw).items()
    }


@pytest.mark.parametrize("depth", [10_000, 400_000])
def test_depth_is_refused(depth: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        text = '{"params":' + opening * depth + "1" + closing * depth + "}"
        with pytest.raises(BadRequest, match="nested deeply"):
            split(text.encode())
