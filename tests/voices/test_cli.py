"""``diarize voices …`` on a real conversation of two, with the networks on board."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from diarize.formats import json as result_json
from diarize.records import Result, Turn
from diarize.voices.cli import app
from diarize.voices.errors import VoiceError
from diarize.voices.store import VoiceStore

SAMPLE = Path(__file__).parents[1] / "data" / "sample.wav"
# From sample.rttm: turns to learn the two voices from, and another turn of each to know them by.
TURNS = (Turn(8.32, 9.92, "A"), Turn(14.75, 17.9, "B"), Turn(18.6, 21.45, "A"))
OTHERS = {"Ana": (11.1, 14.4), "Ben": (21.8, 27.8)}


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with result.json, which has TURNS, and ana.wav and ben.wav, which are OTHERS."""
    folder = tmp_path_factory.mktemp("voices")
    samples, rate = soundfile.read(SAMPLE)
    for name, (start, end) in OTHERS.items():
        soundfile.write(
            folder / f"{name.lower()}.wav", samples[int(start * rate) : int(end * rate)], rate
        )
    duration = len(samples) / rate
    result = Result("sample", duration, turns=TURNS, exclusive=TURNS)
    (folder / "result.json").write_text(result_json.write(result))
    return folder


@pytest.fixture(scope="module")
def store(files: Path) -> Path:
    """A store that knows Ana and Ben from the turns of the result."""
    path = files / "voices.db"
    out = run("enrol", files / "result.json", "A=Ana", "B=Ben", "--audio", SAMPLE, "--store", path)
    assert out.splitlines() == ["A is Ana: 1 voiceprint", "B is Ben: 1 voiceprint"]
    return path


def test_names_given_once_are_known_later(files: Path, store: Path) -> None:
    for name in OTHERS:
        clip = files / f"{name.lower()}.wav"
        assert run("identify", clip, "--store", store).splitlines()[0] == name
        found = json.loads(run("identify", clip, "--store", store, "--json"))
        assert [m["name"] for m in found["matches"] if m["known"]] == [name]


def test_one_line_of_a_result_is_enough(files: Path) -> None:
    path = files / "lines.db"
    # The turn of 18.6 s is printed as 0:18; that of 14.75 s goes on at 16 s.
    arguments = ["0:18=Ana", "16.0=Ben", "8=Ana", "--audio", SAMPLE, "--store", path]
    out = run("enrol", files / "result.json", *arguments)
    assert out.splitlines() == [
        "0:18 is Ana: 2 voiceprints",
        "16.0 is Ben: 1 voiceprint",
        "8 is Ana: 2 voiceprints",
    ]
    kept = json.loads(run("list", "Ana", "--store", path, "--json"))
    assert [(v["source"], v["duration_s"]) for v in kept] == [
        ("sample, at 0:18", 2.85),
        ("sample, at 8", 1.6),
    ]
    assert {(v["model"], len(v["model_sha256"])) for v in kept} == {("resnet34-lm", 64)}
    assert "sample, at 16.0" in run("list", "Ben", "--store", path)
    for name in OTHERS:
        clip = files / f"{name.lower()}.wav"
        assert run("identify", clip, "--store", path).splitlines()[0] == name


def test_a_stranger_is_unknown(files: Path, store: Path) -> None:
    only_ana = files / "only-ana.db"
    run("import", _export_without(store, "Ben", files), "--store", only_ana)
    assert run("identify", files / "ben.wav", "--store", only_ana).splitlines()[0] == "UNKNOWN"


def _export_without(store: Path, name: str, folder: Path) -> Path:
    document = json.loads(run("export", "--store", store))
    document["people"] = [p for p in document["people"] if p["name"] != name]
    path = folder / "export.json"
    path.write_text(json.dumps(document))
    return path


def test_verify_answers_by_exit_code(files: Path, store: Path) -> None:
    assert "the same person" in run("verify", files / "ana.wav", "Ana", "--store", store)
    arguments = ["verify", str(files / "ana.wav"), str(files / "ben.wav")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "different people" in result.stdout


def test_search_says_where_the_voice_speaks(store: Path) -> None:
    found = json.loads(run("search", "Ben", SAMPLE, "--store", store, "--json"))
    # Ben speaks 9.9–11.0 s, 14.5–17.9 s and 21.8–28.5 s.
    for moment in (10.5, 15.0, 17.0, 22.5, 27.0):
        assert any(f["start"] <= moment <= f["end"] for f in found), moment
    for moment in (6.0, 7.0, 9.0, 13.0, 19.4, 29.5):
        assert not any(f["start"] <= moment <= f["end"] for f in found), moment


def test_group_puts_one_person_together(files: Path) -> None:
    samples, rate = soundfile.read(SAMPLE)
    other = files / "other.wav"
    soundfile.write(other, samples[int(18.6 * rate) : int(21.4 * rate)], rate)
    clips = [str(other), str(files / "ben.wav"), str(files / "ana.wav")]
    assert json.loads(run("group", *clips, "--json")) == [[clips[0], clips[2]], [clips[1]]]


def test_list_rename_forget(files: Path, store: Path) -> None:
    path = files / "copy.db"
    exported = files / "all.json"
    run("export", "--store", store, "-o", exported)
    assert run("import", exported, "--store", path) == "2 new people, 2 new voiceprints\n"
    run("rename", "Ana", "Anna", "--store", path)
    run("forget", "Ben", "--store", path)
    (person,) = json.loads(run("list", "--store", path, "--json"))
    assert (person["name"], person["voiceprints"]) == ("Anna", 1)
    assert "Anna" in run("list", "--store", path)
    assert b"Ben" not in path.read_bytes()


def test_names_and_sources_are_listed_as_they_are(store: Path, tmp_path: Path) -> None:
    document = json.loads(run("export", "--store", store))
    long = "/recordings/" + "of a long meeting " * 5 + "[red].wav"
    for person, name in zip(document["people"], ("Ana [hr]", "Ben [/sales]"), strict=True):
        person["name"] = name
        person["voiceprints"][0]["source"] = long
    (tmp_path / "export.json").write_text(json.dumps(document))
    path = tmp_path / "voices.db"
    run("import", tmp_path / "export.json", "--store", path)
    names = [line.split("  ")[0] for line in run("list", "--store", path).splitlines()]
    assert names == ["NAME", "Ana [hr]", "Ben [/sales]"]
    assert long in run("list", "Ana [hr]", "--store", path)


def test_one_bad_file_does_not_cost_the_others(files: Path, store: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    for arguments in (
        ["search", "Ana", files / "ana.wav", empty, "--store", store],
        ["group", empty, files / "ana.wav"],
    ):
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == 1
        assert str(files / "ana.wav") in result.stdout
        assert "empty.wav' is empty" in result.stderr
    alone = CliRunner().invoke(app, ["group", str(empty), "--json"])
    assert (alone.exit_code, alone.stdout) == (1, "[]\n")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["C=Cleo"], "no speaker 'C'"),
        (["A=Ana", "B=Ana"], "one name"),
        (["Ana"], "not of the form"),
        (["A=Ana", "A=Ben"], "twice"),
        (["0:13=Ana"], "nobody speaks in sample at 0:13"),
        (["16=Ana", "A=Ana"], "one name"),
    ],
)
def test_wrong_names_enrol_nobody(files: Path, names: list[str], message: str) -> None:
    path = files / "empty.db"
    with pytest.raises(VoiceError, match=message):
        run("enrol", files / "result.json", *names, "--audio", SAMPLE, "--store", path)
    with VoiceStore(path) as store:
        assert store.people() == ()
