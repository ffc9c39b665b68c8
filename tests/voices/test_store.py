"""The voice store: what goes in comes out, to every program, and what is forgotten is gone."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from diarize.voices.errors import UnknownPersonError, VoiceError, VoiceStoreError
from diarize.voices.people import Voiceprint
from diarize.voices.schema import MIGRATIONS, migrate
from diarize.voices.store import VoiceStore

from .people import MODEL, voice, voiceprint


def test_what_is_enrolled_is_there_when_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "voices.db"
    with VoiceStore(path) as store:
        store.enrol("Ana", voiceprint(1, source="monday.wav"), {"team": "sales"})
        store.enrol("Ana", voiceprint(1, take=1, source="tuesday.wav"))
        store.enrol("Ben", voiceprint(2))
    with VoiceStore(path) as store:
        assert [(p.name, p.voiceprints, p.labels) for p in store.people()] == [
            ("Ana", 2, {"team": "sales"}),
            ("Ben", 1, {}),
        ]
        first, second = store.voiceprints("Ana")
        assert (first.source, second.source) == ("monday.wav", "tuesday.wav")
        assert (first.model, first.model_sha256, first.duration_s) == ("resnet34-lm", MODEL, 12.5)
        assert first.created_at == "2026-01-02T03:04:05+00:00"
        np.testing.assert_array_equal(first.embedding, voice(1))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        store.enrol("Ana", voiceprint(1))
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_rename(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        ana = store.enrol("Ana", voiceprint(1))
        store.enrol("Ben", voiceprint(2))
        assert store.rename("Ana", "  Ana María ").name == "Ana María"
        assert store.person(ana.id).name == "Ana María"
        with pytest.raises(VoiceError, match="somebody else"):
            store.rename("Ben", "Ana María")
        with pytest.raises(UnknownPersonError, match="'Ana'"):
            store.rename("Ana", "Anna")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "UNKNOWN", "n" * 201])
def test_unusable_names_are_refused(tmp_path: Path, name: str) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        with pytest.raises(VoiceError):
            store.enrol(name, voiceprint(1))
        assert store.people() == ()


@pytest.mark.parametrize(
    "vector",
    [np.zeros(256), np.full(256, np.nan), np.ones((2, 256)), np.ones(192)],
    ids=["zeros", "NaN", "two", "192 numbers"],
)
def test_what_is_no_embedding_of_the_model_is_refused(tmp_path: Path, vector: np.ndarray) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        store.enrol("Ana", voiceprint(1))
        with pytest.raises(VoiceError):
            store.enrol("Ben", Voiceprint("resnet34-lm", MODEL, vector))
        assert [p.name for p in store.people()] == ["Ana"]


def raw_bytes(path: Path) -> bytes:
    """Everything that lies on the disk for a store: the file, its log, its shared memory."""
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(path.name + "*")))


def test_nothing_of_a_forgotten_person_is_left_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    with VoiceStore(path) as store:
        for number in range(60):
            store.enrol(f"Person {number}", voiceprint(number))
        store.enrol("Zacharias", voiceprint(99, source="secret-meeting.wav"), {"role": "witness"})
        store.rename("Zacharias", "Malachias")
        traces = [b"Zacharias", b"Malachias", b"secret-meeting", b"witness"]
        traces += [voice(99).tobytes()[i : i + 16] for i in range(0, 1024, 16)]
        before = raw_bytes(path)
        assert all(trace in before for trace in traces)
        store.forget("Malachias")
        after = raw_bytes(path)
        assert [trace for trace in traces if trace in after] == []
        assert len(store.people()) == 60


def test_forgetting_says_so_when_a_reader_keeps_the_log_alive(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    with VoiceStore(path, busy_timeout_s=0.1) as store:
        store.enrol("Zacharias", voiceprint(1))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchall()
        with pytest.raises(VoiceStoreError, match="scrub"):
            store.forget("Zacharias")
        assert store.people() == ()
        reader.close()
        store.scrub()
        assert b"Zacharias" not in raw_bytes(path)


def enrol_many(path: Path, first: int, count: int) -> None:
    with VoiceStore(path) as store:
        for number in range(first, first + count):
            store.enrol(f"Person {number % 10}", voiceprint(number))


def test_two_processes_and_two_threads_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=enrol_many, args=(path, 40 * i, 40)) for i in range(2)]
    for process in processes:
        process.start()
    with VoiceStore(path) as store, ThreadPoolExecutor(2) as pool:
        jobs = range(1000, 1040)
        list(pool.map(lambda n: store.enrol(f"Person {n % 10}", voiceprint(n)), jobs))
        for process in processes:
            process.join()
            assert process.exitcode == 0
        assert sum(p.voiceprints for p in store.people()) == 120
        assert len(store.people()) == 10


def test_a_failed_batch_leaves_nothing(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        with pytest.raises(VoiceError):
            store.enrol_all({"Ana": ({}, [voiceprint(1)]), "a\nb": ({}, [voiceprint(2)])})
        assert store.people() == ()


def test_a_file_that_is_no_voice_store_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(VoiceStoreError, match=r"text\.db"):
        VoiceStore(text)
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE people (name TEXT)")
    connection.close()
    with pytest.raises(VoiceStoreError, match="another program"):
        VoiceStore(foreign)
    with pytest.raises(VoiceStoreError, match=r"a\.db cannot be used: File name too long"):
        VoiceStore(tmp_path / ("a" * 300 + ".db"), create=False)
    with pytest.raises(VoiceStoreError, match=r"missing\.db"):
        VoiceStore(tmp_path / "missing.db", create=False)
    with pytest.raises(VoiceStoreError, match="cannot be used"):
        VoiceStore(tmp_path)


def test_a_damaged_store_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    with VoiceStore(path) as store:
        for number in range(50):
            store.enrol(f"Person {number}", voiceprint(number))
        store.scrub()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)

    def read_all() -> None:
        with VoiceStore(path) as store:
            store.matrix(MODEL)

    with pytest.raises(VoiceStoreError, match=r"voices\.db"):
        read_all()


def test_a_voiceprint_of_another_length_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    with VoiceStore(path) as store:
        store.enrol("Ana", voiceprint(1))
        with sqlite3.connect(path) as rows:  # as an older version imported it
            rows.execute("UPDATE voiceprints SET embedding = ?", (voice(1, dim=3).tobytes(),))
        rows.close()
        with pytest.raises(VoiceStoreError, match="a voiceprint of 'Ana' without the 256"):
            store.matrix(MODEL)


def test_an_id_is_nobody_s_name(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        ana = store.enrol("Ana", voiceprint(1))
        store.enrol(ana.id, voiceprint(2))
        assert store.person(ana.id).name == ana.id
        assert store.forget(ana.id, by_id=True).name == "Ana"
        with pytest.raises(UnknownPersonError):
            store.person(ana.id, by_id=True)


def test_a_store_that_nobody_holds_is_closed(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path / "voices.db")
    connection = store._connection
    del store
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_an_older_store_is_migrated_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    with VoiceStore(path) as store:
        store.enrol("Ana", voiceprint(1))
    newer = (*MIGRATIONS, "ALTER TABLE people ADD COLUMN note TEXT; UPDATE people SET note = 'new'")
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, newer)
    assert connection.execute("SELECT name, note FROM people").fetchall() == [("Ana", "new")]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    connection.close()
    with pytest.raises(VoiceStoreError, match="update diarize"):
        VoiceStore(path)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    VoiceStore(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*MIGRATIONS, "CREATE TABLE notes (text); DROP TABLE nowhere"))
    tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'notes'").fetchall()
    assert tables == []
    connection.close()
    VoiceStore(path).close()
