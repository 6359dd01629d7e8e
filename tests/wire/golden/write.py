"""Write the golden bytes of a new protocol number: ``python tests/wire/golden/write.py``. Never over an old one."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path

import msgpack

from qpu_bridge.wire import PROTOCOL, encode

HERE = Path(__file__).parent


def main() -> None:
    folder = HERE / f"protocol{PROTOCOL}"
    if folder.exists():
        sys.exit(f"{folder} is there already: raise PROTOCOL first")
    spec = util.spec_from_file_location("messages", HERE.parent / "conftest.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder.mkdir()
    for kind, message in module.every_message().items():
        frames = [bytes(frame) for frame in encode(bytes(range(16)), message)]
        (folder / f"{kind}.msgpack").write_bytes(msgpack.packb(frames))


if __name__ == "__main__":
    main()
