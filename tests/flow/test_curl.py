"""The lines for curl in README.md, in a shell, as they stand there but for address, token and job."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.flow.conftest import Running, until

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl(bridge: Running) -> None:
    (block,) = re.findall(r"```sh\n(AUTH=.*?)```", README, re.DOTALL)
    lines = block.replace("http://127.0.0.1:8080", bridge.url).replace("$(qpu-bridge token create curl)", bridge.token)
    submit, fetch = lines[: lines.rindex("curl")], lines[lines.rindex("curl") :]

    def answered(text: str) -> str:
        return subprocess.run(["sh", "-ec", text], capture_output=True, text=True, check=True, timeout=300).stdout

    job = json.loads(answered(submit))["id"]
    with httpx.Client(base_url=bridge.url, headers={"Authorization": f"apikey {bridge.token}"}, timeout=60) as client:
        until(lambda: client.get(f"/api/v1/jobs/{job}").json()["status"] == "Completed")
    settings = submit[: submit.index("curl")]
    found = json.loads(answered(settings + fetch.replace("JOB", job)))
    assert found["results"][0]["data"]["c"]["num_bits"] == 1
    samples = found["results"][0]["data"]["c"]["samples"]
    assert len(samples) == 8
    assert samples.count("0x1") >= 6
