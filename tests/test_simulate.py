"""The conversation simulator: same seed same bytes, and truth that is what was placed."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import simulate as command
from benchmarks.page.plan import read_plan
from benchmarks.simulator import sound, turns, variation, voices
from benchmarks.simulator.conversation import simulate, write
from benchmarks.simulator.recipe import Recipe, read_recipes

RATE_HZ = voices.RATE_HZ
SAMPLE = Path(__file__).parent / "data" / "sample.wav"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two real voices, cut from the sample conversation, and a background recording."""
    folder = tmp_path_factory.mktemp("clips")
    audio, _ = soundfile.read(SAMPLE, dtype="float32")
    said = {}
    for line in SAMPLE.with_suffix(".rttm").read_text().splitlines():
        fields = line.split()
        start, length = float(fields[3]), float(fields[4])
        if length > 1.5:
            said.setdefault(fields[7], []).append((start, start + length))
    (folder / "voices").mkdir()
    for speaker, spans in said.items():
        for number, (start, end) in enumerate(spans):
            clip = audio[int(start * RATE_HZ) : int(end * RATE_HZ)]
            soundfile.write(folder / "voices" / f"{speaker}-{number}.wav", clip, RATE_HZ)
    (folder / "noise").mkdir()
    hiss = np.random.default_rng(0).standard_normal(3 * RATE_HZ) * 0.1
    soundfile.write(folder / "noise" / "hiss.wav", hiss, RATE_HZ)
    return folder


@pytest.fixture(scope="module")
def cast(clips):
    return voices.load_voices(clips / "voices")


def hashes(folder):
    return {
        p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*.*"))
    }


def run(clips, out, seed):
    arguments = f"--voices {clips}/voices --noise {clips}/noise --out {out} --seed {seed}"
    arguments += " --count 2 --speakers 1-2 --minutes 0.4-0.6 --snr 10-20 --telephone"
    return command.main(arguments.split())


def test_same_seed_same_bytes(clips, tmp_path):
    assert [run(clips, tmp_path / n, s) for n, s in (("a", 7), ("b", 7), ("c", 8))] == [0, 0, 0]
    first = hashes(tmp_path / "a")
    assert len(first) == 8
    assert first == hashes(tmp_path / "b")
    assert not set(first.values()) & set(hashes(tmp_path / "c").values())


def test_truth_is_where_the_sound_is(cast):
    recipe = Recipe(name="quiet", speakers=(2, 2), minutes=(0.5, 0.5), tone_db=(90, 90))
    made = simulate(recipe, 0, 3, cast, [], {})
    talking = np.zeros(len(made.audio), bool)
    near = np.zeros(len(made.audio), bool)
    for piece in made.placed:
        talking[piece.start : piece.end] = True
        near[max(piece.start - RATE_HZ // 20, 0) : piece.end + RATE_HZ // 20] = True
        assert np.sqrt(np.mean(made.audio[piece.start : piece.end] ** 2)) > 0.01
    assert {p.speaker for p in made.placed} == {v.speaker for v in cast}
    assert 0.3 < talking.mean() < 1
    assert np.abs(made.audio[~near]).max() < 1e-4


def test_a_speaker_never_talks_over_himself(cast):
    made = simulate(Recipe(name="self", speakers=(2, 2), minutes=(1, 1)), 0, 1, cast, [], {})
    for voice in cast:
        mine = [p for p in made.placed if p.speaker == voice.speaker]
        assert all(a.end <= b.start for a, b in pairwise(mine))


def test_noise_lies_at_the_stated_distance(cast, clips):
    plain = Recipe(name="n", speakers=(2, 2), minutes=(0.5, 0.5), tone_db=(40, 40), variation=0)
    noisy = plain.model_copy(update={"snr_db": (10.0, 10.0)})
    hiss = [clips / "noise" / "hiss.wav"]
    without, with_noise = (simulate(r, 0, 5, cast, hiss, {}) for r in (plain, noisy))
    talking = np.zeros(len(without.audio), bool)
    for piece in without.placed:
        talking[piece.start : piece.end] = True
    noise = with_noise.audio - without.audio
    snr_db = 10 * np.log10(np.mean(without.audio[talking] ** 2) / np.mean(noise**2))
    assert snr_db == pytest.approx(10, abs=0.1)


def test_words_keep_their_sound(clips, tmp_path):
    folder = tmp_path / "told"
    folder.mkdir()
    source = sorted((clips / "voices").iterdir())[0]
    audio, _ = soundfile.read(source, dtype="float32")
    soundfile.write(folder / "ann-1.wav", audio, RATE_HZ)
    length_s = len(audio) / RATE_HZ
    count = int(length_s / 0.3)
    ctm = [f"ann-1 1 {i * 0.3 + 0.05:.2f} 0.2 w{i}\n" for i in range(count)]
    (folder / "ann-1.ctm").write_text("".join(ctm))
    recipe = Recipe(name="told", speakers=(1, 1), minutes=(0.3, 0.3), variation=0)
    made = simulate(recipe, 0, 1, voices.load_voices(folder), [], {})
    write(made, tmp_path / "out")
    words = json.loads((tmp_path / "out" / "told-000.seglst.json").read_text())
    stm = (tmp_path / "out" / "told-000.stm").read_text().splitlines()
    assert [w["words"] for w in words] == [t for line in stm for t in line.split()[5:]]
    assert len(words) >= 5
    for piece in made.placed:
        for text, start, end in piece.words:
            assert piece.start - 1 <= start < end <= piece.end + 1
            whole = start + round(0.2 * RATE_HZ)
            assert end == pytest.approx(min(whole, piece.end), abs=2)
            clip_at = int((int(text[1:]) * 0.3 + 0.05) * RATE_HZ)
            mine = made.audio[start + 400 : end - 400]
            theirs = audio[clip_at + 400 : clip_at + 400 + len(mine)]
            if np.abs(theirs).max() > 0.05:
                assert np.corrcoef(mine, theirs)[0, 1] > 0.9


def test_no_word_is_lost_where_its_end_is_silence(clips, tmp_path):
    """Half a second of silence is the end of the last word, as a synthesiser has it."""
    audio, _ = soundfile.read(sorted((clips / "voices").iterdir())[0], dtype="float32")
    (first, end) = next(s for s in voices.speech_spans(audio) if s[1] - s[0] > RATE_HZ)
    quiet = np.zeros(RATE_HZ, np.float32)
    soundfile.write(
        tmp_path / "ann-1.wav", np.concatenate([quiet, audio[first:end], quiet]), RATE_HZ
    )
    last_s = (RATE_HZ + end - first) / RATE_HZ - 0.3
    (tmp_path / "ann-1.ctm").write_text(f"ann-1 1 1.0 0.4 first\nann-1 1 {last_s:.3f} 0.8 last\n")
    phrases = voices.cut_clip(tmp_path / "ann-1.wav")
    said = [word for phrase in phrases for word in phrase.words]
    assert [word.text for word in said] == ["first", "last"]
    assert said[-1].end - said[-1].start == pytest.approx(0.3 * RATE_HZ, abs=0.1 * RATE_HZ)
    assert said[-1].end <= phrases[-1].length


def test_room_keeps_truth_in_place(cast):
    pytest.importorskip("pyroomacoustics")
    room = sound.make_room(2, "far", 0.4, np.random.default_rng(1))
    again = sound.make_room(2, "far", 0.4, np.random.default_rng(1))
    response = room.responses[0][0]
    assert np.argmax(np.abs(response)) <= 16
    assert len(response) > 0.1 * RATE_HZ
    assert np.array_equal(response, again.responses[0][0])
    recipe = Recipe(name="r", speakers=(2, 2), minutes=(0.5, 0.5), room="far")
    assert len(simulate(recipe, 0, 1, cast, [], {}).placed) > 3


def test_drawn_turns_hold_what_was_asked():
    rng = np.random.default_rng(4)
    planned = turns.draw_turns(6, 1200, turns.STYLES["meeting"], rng, dominant=0.5, least_s=15)
    spoken = np.zeros(6)
    for turn in planned:
        spoken[turn.who] += turn.length_s
        assert 0 <= turn.start_s < turn.start_s + turn.length_s <= 1200
    assert spoken.min() >= 14.9
    assert spoken[0] / spoken.sum() == pytest.approx(0.5, abs=0.1)
    assert [t.start_s for t in planned] == sorted(t.start_s for t in planned)


def test_a_copied_timeline_keeps_gaps_and_overlaps():
    timeline = [("x", 1.0, 3.0), ("y", 3.5, 2.0), ("x", 7.0, 1.0)]
    copied = turns.copy_timeline(timeline, 60, np.random.default_rng(0))
    assert copied == [
        turns.Planned(0, 1.0, 3.0),
        turns.Planned(1, 3.5, 2.0),
        turns.Planned(0, 7.0, 1.0),
    ]
    style = turns.measure([timeline])
    assert (style.turn_median_s, style.stay) == (pytest.approx(2.0), 0)
    assert style.offset_mean_s == pytest.approx((-0.5 + 1.5) / 2)


def test_voices_are_split_by_their_names():
    names = ["19", "26", "27", "32", "39", "40"]
    dev, held = (voices.split_speakers(names, p) for p in ("dev", "held"))
    assert (len(dev), len(held)) == (4, 2)
    assert sorted(dev + held) == names
    assert voices.split_speakers(names[::-1], "held") == held
    with pytest.raises(ValueError, match="dev, held or all"):
        voices.split_speakers(names, "test")


def test_telephone_takes_the_band_and_tempo_leaves_the_pitch():
    at = np.arange(2 * RATE_HZ) / RATE_HZ
    level = {
        hz: np.std(sound.through_telephone(0.3 * np.sin(2 * np.pi * hz * at).astype(np.float32)))
        for hz in (100, 1000, 5000)
    }
    assert level[1000] == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
    assert max(level[100], level[5000]) < 0.02 * level[1000]
    tone = (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    faster = variation.stretch(tone, 1.05)
    assert len(faster) == round(len(tone) / 1.05)
    peak_hz = np.argmax(np.abs(np.fft.rfft(faster))) * RATE_HZ / len(faster)
    assert peak_hz == pytest.approx(440, abs=3)


def test_what_is_on_board_makes_conversations(tmp_path, capsys):
    assert len(voices.find_clips(command.MATERIAL / "voices")) == 40
    assert len(list((command.MATERIAL / "noise").glob("*.ogg"))) == 40
    lines = [p.stem.split("-")[0] for p in (command.MATERIAL / "timelines").glob("*.rttm")]
    assert [lines.count(kind) for kind in ("ami", "voxconverse", "clean")] == [9, 12, 1]
    asked = f"--out {tmp_path} --count 1 --minutes 0.3 --copy voxconverse-b --snr 10 --seed 2"
    assert command.main(asked.split()) == 0
    about = json.loads((tmp_path / "sim-000.json").read_text())
    assert (about["turns_from"], about["snr_db"]) == ("voxconverse-bxpwa", 10.0)
    assert command.main([*asked.split(), "--part", "dev"]) == 2
    assert "on board are all held back" in capsys.readouterr().err


def test_recipes_of_the_bench_are_valid_and_faults_are_named(tmp_path, clips, capsys):
    folder = Path(command.__file__).parent
    made = {r.name for f in ("simulated", "words") for r in read_recipes(folder / f"{f}.toml")}
    assert {one.name for one in read_plan().set if one.simulated} == made - {"twohour"}
    bad = tmp_path / "bad.toml"
    bad.write_text('[[set]]\nname = "x"\nloudness = 3\n')
    with pytest.raises(ValueError, match=r"(?s)bad.toml: set 'x'.*loudness"):
        read_recipes(bad)
    asked = f"--voices {clips}/voices --out {tmp_path} --speakers 5 --minutes 1 --count 1"
    assert command.main(asked.split()) == 2
    assert "needs 5 voices, 2 are there" in capsys.readouterr().err


def test_noise_by_telephone_lies_at_the_stated_distance_in_its_band(cast, tmp_path):
    """Nine tenths of this noise's power are a hum that no telephone lets through."""
    at = np.arange(3 * RATE_HZ) / RATE_HZ
    hiss = np.random.default_rng(0).standard_normal(len(at)) * 0.02
    rumble = 0.3 * np.sin(2 * np.pi * 60 * at) + hiss
    soundfile.write(tmp_path / "rumble.wav", rumble, RATE_HZ)
    line = Recipe(name="t", speakers=(2, 2), minutes=(0.5, 0.5), variation=0, telephone=True)
    without, with_noise = (
        simulate(line.model_copy(update=more), 0, 5, cast, [tmp_path / "rumble.wav"], {})
        for more in ({}, {"snr_db": (10.0, 10.0)})
    )
    talking = np.zeros(len(without.audio), bool)
    for piece in without.placed:
        talking[piece.start : piece.end] = True
    noise = with_noise.audio - without.audio
    snr_db = 10 * np.log10(np.mean(without.audio[talking] ** 2) / np.mean(noise**2))
    assert snr_db == pytest.approx(10, abs=0.5)


RECIPES = Path(command.__file__).parent / "simulated.toml"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("--speakers 0", "--speakers is 0: input should be greater than or equal to 1"),
        ("--speakers 5-4", "--speakers is (5, 4): the lower end comes first"),
        ("--speakers 2.5", "--speakers is 2.5: input should be a valid integer"),
        ("--minutes x", "--minutes is 'x': use a number, or two as in 2-8"),
        ("--minutes 0", "--minutes is 0: input should be greater than 0"),
        ("--snr=5:-5", "--snr is (5, -5): the lower end comes first"),
        ("--dominant 1.5", "--dominant is 1.5: input should be less than 1"),
        ("--seed -1", "--seed is -1: use a whole number from 0 up"),
        ("--copy ami- --speakers 3 --style meeting", "leave out --speakers, --style"),
        ("--sets phone", "--sets chooses from a recipe file: name that with --recipe"),
        (f"--recipe {RECIPES} --count 1 --telephone", "leave out --count, --telephone"),
        (f"--recipe {RECIPES} --sets tel", "simulated.toml has no set tel"),
        (f"--recipe {__file__}", "test_simulate.py is no TOML"),
    ],
)
def test_what_cannot_be_or_would_be_ignored_is_refused(asked, sentence, tmp_path, capsys):
    assert command.main(f"--out {tmp_path} {asked}".split()) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_recording_says_how_it_was_made_and_what_it_lacks(clips, tmp_path, capsys):
    asked = f"--voices {clips}/voices --noise {clips}/noise --out {tmp_path} --seed 4 --count 2"
    asked += " --speakers 2 --minutes 0.04 --snr=-5:-1"
    assert command.main(asked.split()) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("no words: these voices have no text")
    assert "simulate: only 1 of 2 speak in sim-000: longer minutes have more" in said
    about = json.loads((tmp_path / "sim-001.json").read_text())
    assert -5 <= about["snr_db"] <= -1
    assert {"numpy", "scipy", "pyroomacoustics", "av"} <= set(about["versions"])
    recipe = Recipe.model_validate(about["recipe"])
    hiss = [clips / "noise" / "hiss.wav"]
    cast = voices.load_voices(clips / "voices")
    write(simulate(recipe, about["index"], about["seed"], cast, hiss, {}), tmp_path / "again")
    first, again = (f / "sim-001.flac" for f in (tmp_path, tmp_path / "again"))
    assert first.read_bytes() == again.read_bytes()
