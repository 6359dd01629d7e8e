"""Solved windows on disk: whole or not there, bounded, keyed by all that enters them, and the same bytes as solved anew."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from qpu_bridge.schedule import shapes
from qpu_emulator import five_ecr
from qpu_emulator.cache import Cache, key, packed, unpacked
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.scales import Scales
from qpu_emulator.windows.library import Library
from qpu_emulator.windows.tones import Tone

_CZ = Tone(shapes.cosine_square(60, 30), 1e-9, 0.0, "c01")
_HALF = Tone(shapes.gaussian_square(60, 10, 20), 1e-9, 0.0, "x0")


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_arrays_come_back_bit_by_bit(tmp_path, rng):
    cache, name = Cache(tmp_path / "kept"), key("some", 1.5, rng.normal(size=3))
    arrays = [rng.normal(size=(2, 3)), np.zeros((0, 4)), np.array(1e-300)]
    assert cache.find(name) is None
    cache.keep(name, packed(*arrays))
    found = cache.find(name)
    assert found is not None
    assert all(np.array_equal(one, other) for one, other in zip(unpacked(found), arrays, strict=True))
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: b"", lambda text: text[:40] + b"x" + text[41:]])
def test_a_damaged_file_is_none_and_is_replaced(tmp_path, damage):
    cache, name = Cache(tmp_path), key("some")
    cache.keep(name, b"a" * 100)
    (path,) = _files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.find(name) is None
    cache.keep(name, b"a" * 100)
    assert cache.find(name) == b"a" * 100
    assert _files(tmp_path) == [path], "nothing half written is left"


def test_arrays_of_objects_are_not_kept_and_not_read():
    with pytest.raises(ValueError, match="allow_pickle"):
        packed(np.array([object()]))


def test_what_nobody_has_wanted_for_longest_goes_first(tmp_path):
    cache = Cache(tmp_path, room=4000)
    names = [key(number) for number in range(12)]
    for age, name in enumerate(names):
        cache.keep(name, bytes(500))
        for path in _files(tmp_path):
            if path.name == name[2:]:
                os.utime(path, (1e9 + age, 1e9 + age))
    kept = [cache.find(name) is not None for name in names]
    assert sum(path.stat().st_size for path in _files(tmp_path)) <= 4000
    assert kept == sorted(kept)
    assert kept[-1]


def test_a_folder_where_others_may_write_is_not_used(tmp_path, caplog):
    tmp_path.chmod(0o777)
    cache = Cache(tmp_path)
    cache.keep(key("some"), b"a")
    assert cache.find(key("some")) is None
    assert _files(tmp_path) == []
    assert "not kept on disk" in caplog.text


def test_a_folder_that_cannot_be_made_costs_a_warning_only(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "kept")
    cache.keep(key("some"), b"a")
    assert cache.find(key("some")) is None
    assert caplog.text.count("not kept on disk") == 1


def test_who_has_no_home_keeps_it_beside_other_temporary_files(tmp_path, monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Cache().keep(key("some"), b"a")
    assert Cache().find(key("some")) == b"a"
    assert [path.name for path in tmp_path.iterdir()] == [f"qpu-bridge-emulator-{os.geteuid()}"]


def test_keys_tell_apart_what_is_not_the_same():
    parts = [
        ("a", "b"),
        ("ab",),
        ("a", ("b",)),
        (1,),
        (1.0,),
        ("1",),
        (b"1",),
        (True,),
        (None,),
        (np.ones(1),),
        (np.ones((1, 1)),),
    ]
    assert len({key(*part) for part in parts}) == len(parts)
    assert key(np.float64(0.1)) == key(0.1)
    with pytest.raises(TypeError, match="plain things"):
        key(object())


def _flux(library, amplitude):
    index = library.flux(0, _CZ, np.atleast_1d(amplitude), 2)
    return library.maps(2, 2)[index]


def test_windows_are_read_from_disk_and_are_those_that_were_solved(tmp_path, truth):
    cache = Cache(tmp_path)
    sweep = np.linspace(0.5, 0.55, 12)
    plain, first, again = (Library(truth, Scales(), kept) for kept in (None, cache, cache))
    still, swept = _flux(plain, 0.4), _flux(plain, sweep)
    for library in (first, again):
        assert np.array_equal(_flux(library, 0.4), still)
        assert np.array_equal(_flux(library, sweep), swept)
    files = _files(tmp_path)
    assert len(files) == 1, "the window; a sweep is not asked for again"
    # another window in its place is believed: nothing is solved again
    cross = Library(five_ecr.device(), Scales(), cache)
    number = np.array([[[0.2, -1e8, 0.0]]])
    index = cross.cross(0, (_HALF,), number, 2)
    (new,) = set(_files(tmp_path)) - set(files)
    maps, shares = unpacked(cache.find(new.parent.name + new.name))
    cache.keep(new.parent.name + new.name, packed(maps * 2, shares))
    other = Library(five_ecr.device(), Scales(), cache)
    found = other.cross(0, (_HALF,), number, 2)
    assert np.array_equal(other.maps(2, 2)[found], 2 * cross.maps(2, 2)[index])


def test_a_window_of_another_device_or_under_other_noise_is_another(tmp_path, truth):
    cache = Cache(tmp_path)
    first = truth.transmons[0]
    changed = truth.model_copy(update={"transmons": (first.model_copy(update={"t1": 1e-6, "t2": 1e-6}), *truth.transmons[1:])})
    for device, scales in ((truth, Scales()), (changed, Scales()), (truth, Scales(t1=2))):
        fresh = _flux(Library(device, scales), 0.4)
        assert np.array_equal(_flux(Library(device, scales, cache), 0.4), fresh)
    assert len(_files(tmp_path)) == 3
    far = truth.model_copy(update={"transmons": (*truth.transmons[:4], first)})
    _flux(Library(far, Scales(), cache), 0.4)
    assert len(_files(tmp_path)) == 3, "a transmon that is not of the pair does not enter"


def test_a_library_solves_no_coupler_before_it_is_used(truth):
    strange = truth.couplers[3].model_copy(update={"g_direct": 5e9})
    library = Library(truth.model_copy(update={"couplers": (*truth.couplers[:3], strange)}), Scales())
    _flux(library, 0.4)
    with pytest.raises(Exception, match="distinct"):
        library.zz(3)


@pytest.mark.parametrize(("option", "where"), [(True, "home/qpu-bridge/emulator"), ("own", "own"), (False, None)])
def test_the_option_says_where(tmp_path, monkeypatch, snapshot, option, where):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    driver = EmulatorDriver("emu_five", snapshot, {"cache": option})
    driver.close()
    assert bool(_files(tmp_path)) == (where is not None)
    assert where is None or _files(tmp_path / where) == _files(tmp_path)
