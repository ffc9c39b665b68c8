"""A disk without room: nothing is lost, it is told, and room can be made."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from diarize.errors import DiarizeError
from diarize.server.errors import of_machine
from tests.server.conftest import wait_for
from tests.server.sounds import SAMPLE, silence
from tests.server.test_jobs import ended, process, submit

MIB = 1 << 20
DISK = 'mount -t tmpfs -o size=4m none "$0" && exec "$@"'
"""A disk of 4 MiB at a folder, which only the process sees that runs on it."""


def fill(disk: Path, room_bytes: int) -> None:
    """Leave so much."""
    with (disk / "filler").open("ab", buffering=0) as filler:
        while (left := shutil.disk_usage(disk).free - room_bytes) > 0:
            filler.write(bytes(min(left, MIB)))


def test_no_job_is_lost_where_there_is_no_room(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", DISK, str(data)]
    if subprocess.run([*within, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    sample = SAMPLE.read_bytes()  # 0.9 MiB, decoded 1.8
    with process(data, within=within) as (server, http):
        disk = Path(f"/proc/{server.pid}/root{data}")
        fill(disk, 3 * MIB // 2)
        job = submit(http, sample, words="false")["id"]
        waiting = wait_for(lambda: (v := http.get(f"/v1/jobs/{job}").json())["error"] and v, 60)
        assert (waiting["state"], waiting["error"]["code"]) == ("queued", "no_space")
        assert waiting["error"]["message"].startswith("no space left on the device: delete")
        for path in ("/v1/audio/diarization", "/v1/jobs"):
            answer = http.post(path, files={"file": sample})
            assert (answer.status_code, answer.json()["error"]["code"]) == (507, "no_space")
        small = submit(http, silence(1), words="false")["id"]
        assert ended(http, small)["state"] == "done"  # it is not held up
        fill(disk, 0)
        assert http.delete(f"/v1/jobs/{small}").status_code == 204
        assert http.get(f"/v1/jobs/{small}").status_code == 404
        fill(disk, 0)
        (disk / "filler").unlink()
        assert ended(http, job)["state"] == "done"
    log = (tmp_path / "log").read_text()
    assert '"errno": "ENOSPC"' in log
    assert '"why": "no space left on the device' in log


def test_whose_trouble_it_is() -> None:
    with pytest.raises(OSError, match="No space left") as full, open("/dev/full", "wb") as file:
        file.write(b"x")
    wrapped = DiarizeError("result.json cannot be written")
    wrapped.__cause__ = full.value
    rows = sqlite3.connect(":memory:")
    rows.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as no_pages:
        rows.execute("CREATE TABLE jobs (id)")
    for error in (full.value, wrapped, no_pages.value):
        found = of_machine(error)
        assert found is not None
        assert (found.status_code, found.code) == (507, "no_space")
    open_files = of_machine(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    assert open_files is not None
    assert (open_files.status_code, open_files.code) == (503, "machine_trouble")
    assert of_machine(FileNotFoundError(errno.ENOENT, "no such file")) is None
    assert of_machine(ValueError("x")) is None
