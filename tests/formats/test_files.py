import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from diarize.errors import DiarizeError, FormatError
from diarize.formats import FORMATS, json
from diarize.formats.files import file_stem, output_path, write_atomic, write_result

from .samples import SPOKEN, TURNS_ONLY, names


def test_all_formats_lie_side_by_side(tmp_path: Path) -> None:
    paths = write_result(SPOKEN, tmp_path / "out", ["all"])
    assert [p.name for p in paths] == ["call" + f.suffix for f in FORMATS.values()]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in paths)
    assert paths[1].read_bytes() == json.write(SPOKEN).encode()
    assert paths[1] == output_path("call", tmp_path / "out", FORMATS["json"])


def test_what_one_format_refuses_leaves_no_file(tmp_path: Path) -> None:
    bare = replace(SPOKEN, utterances=(replace(SPOKEN.utterances[0], words=()),))
    with pytest.raises(FormatError, match="no word times"):
        write_result(bare, tmp_path / "out", ["srt", "ctm"])
    with pytest.raises(FormatError, match="stm holds words"):
        write_result(TURNS_ONLY, tmp_path / "out", ["srt", "stm"], words=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("meeting 1.final", "meeting 1.final"),
        ("-i", "-i"),
        ("$(id)", "$(id)"),
        ("Besprechung März", "Besprechung März"),
        ("../../x.wav", "_.._x.wav-1e84a052"),
        ("a\nb", "a_b-7e18f737"),
        ("..", "recording-5ec1f7e7"),
        ("", "recording-e3b0c442"),
        ("x" * 300, "x" * 221 + "-0d4e2ca9"),
        ("🦊" * 75, "🦊" * 55 + "-7b9e71b6"),
    ],
)
def test_stems(name: str, stem: str) -> None:
    assert file_stem(name) == stem


@given(name=names)
@example("a/b")
@example("\ud800")
@settings(deadline=None)
def test_any_name_stays_in_its_folder_and_fits(name: str) -> None:
    folder = Path("/out")
    for each in FORMATS.values():
        path = output_path(name, folder, each)
        assert path.parent == folder
        assert os.path.normpath(path) == str(path)
        assert len(os.fsencode(path.name)) <= 255


def test_hostile_names_are_written(tmp_path: Path) -> None:
    for name in ("../../x.wav", "a\nb", "x" * 300, os.fsdecode(b"\xff")):
        for path in write_result(replace(SPOKEN, name=name), tmp_path / "out", ["all"]):
            assert path.parent == tmp_path / "out"
            assert path.stat().st_size > 0


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    with pytest.raises(FormatError, match=r"a.txt: the text holds a character"):
        write_atomic(path, "\ud800")
    assert path.read_text() == "old"
    write_atomic(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "a.txt", tmp_path / "folder"):
        with pytest.raises(DiarizeError, match=f"{path} cannot be written: "):
            write_atomic(path, "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    write_atomic(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == plain.stat().st_mode
