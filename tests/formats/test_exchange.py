"""The JSON of other services: whisperX, AssemblyAI, OpenAI."""

import json
from dataclasses import replace

import pytest

from diarize.errors import FormatError
from diarize.formats import assemblyai, openai, whisperx
from diarize.records import Utterance, Word

from .samples import SPOKEN, WORDS, sample

WHISPERX_WORDS = [
    {"word": "Neither", "start": 9.838, "end": 10.1, "score": 0.98, "speaker": "Sheila"},
    {"word": "did", "start": 10.1, "end": 10.4, "score": 0.75, "speaker": "Sheila"},
    {"word": "I.", "start": 10.4, "end": 10.78, "score": 0.5, "speaker": "Sheila"},
]
ASSEMBLYAI_WORDS = [
    {"text": "Neither", "start": 9838, "end": 10100, "confidence": 0.98, "speaker": "Sheila"},
    {"text": "did", "start": 10100, "end": 10400, "confidence": 0.75, "speaker": "Sheila"},
    {"text": "I.", "start": 10400, "end": 10780, "confidence": 0.5, "speaker": "Sheila"},
]


def test_whisperx_to_the_letter() -> None:
    assert json.loads(whisperx.write(SPOKEN)) == {
        "segments": [
            {
                "start": 9.838,
                "end": 10.78,
                "text": "Neither did I.",
                "speaker": "Sheila",
                "words": WHISPERX_WORDS,
            }
        ],
        "word_segments": WHISPERX_WORDS,
        "language": "en",
    }


def test_assemblyai_to_the_letter() -> None:
    assert json.loads(assemblyai.write(SPOKEN)) == {
        "status": "completed",
        "audio_url": "call",
        "text": "Neither did I.",
        "language_code": "en",
        "audio_duration": 12,
        "speaker_labels": True,
        "words": ASSEMBLYAI_WORDS,
        "utterances": [
            {
                "speaker": "Sheila",
                "text": "Neither did I.",
                "start": 9838,
                "end": 10780,
                "confidence": 0.875,
                "words": ASSEMBLYAI_WORDS,
            }
        ],
    }
    assert '"start": 9838,' in assemblyai.write(SPOKEN)


def test_openai_to_the_letter() -> None:
    assert json.loads(openai.write(replace(SPOKEN, duration=12.3456))) == {
        "task": "transcribe",
        "duration": 12.346,
        "text": "Neither did I.",
        "segments": [
            {
                "type": "transcript.text.segment",
                "id": "seg_0",
                "start": 9.838,
                "end": 10.78,
                "text": "Neither did I.",
                "speaker": "Sheila",
            }
        ],
        "usage": {"type": "duration", "seconds": 13},
    }


def test_they_come_back() -> None:
    utterance = SPOKEN.utterances[0]
    assert whisperx.read(whisperx.write(SPOKEN)) == (replace(utterance, confidence=1.0),)
    assert assemblyai.read(assemblyai.write(SPOKEN)) == (utterance,)
    assert openai.read(openai.write(SPOKEN)) == (replace(utterance, words=(), confidence=1.0),)


def test_the_sample_comes_back() -> None:
    expected = [(u.speaker, u.start, u.end, u.text) for u in sample().utterances]
    for each in (whisperx, assemblyai, openai):
        found = each.read(each.write(sample()))
        assert [(u.speaker, u.start, u.end, u.text) for u in found] == expected


def test_words_of_a_script_without_blanks_come_back_without() -> None:
    words = tuple(
        replace(w, text=c, space_before=i == 0)
        for i, (w, c) in enumerate(zip(WORDS, "你好吗", strict=True))
    )
    chinese = replace(
        SPOKEN, utterances=(replace(SPOKEN.utterances[0], text="你好吗", words=words),)
    )
    assert whisperx.read(whisperx.write(chinese))[0].words == words
    assert assemblyai.read(assemblyai.write(chinese))[0].words == words


def test_whisperx_words_without_times_lie_between_their_neighbours() -> None:
    text = """{"segments": [{"start": 1.0, "end": 4.0, "text": " In 2024 we 7", "words": [
        {"word": "In", "start": 1.0, "end": 1.25, "score": 0.9, "speaker": "A"},
        {"word": "2024"},
        {"word": "we", "start": 2.5, "end": 3.0, "score": 0.8},
        {"word": "7"}]}]}"""
    assert whisperx.read(text) == (
        Utterance(
            "UNKNOWN",
            1.0,
            4.0,
            "In 2024 we 7",
            (
                Word("In", 1.0, 1.25, 0.9, "A"),
                Word("2024", 1.25, 2.5),
                Word("we", 2.5, 3.0, 0.8),
                Word("7", 3.0, 4.0),
            ),
        ),
    )


@pytest.mark.parametrize("each", [whisperx, assemblyai, openai])
def test_other_json_is_refused(each) -> None:
    with pytest.raises(FormatError, match=r"x.json: \w+: Field required"):
        each.read("{}", source="x.json")
    with pytest.raises(FormatError, match=r"x.json: .*JSON"):
        each.read("[", source="x.json")


@pytest.mark.parametrize("each", [whisperx, assemblyai, openai])
def test_an_end_before_its_start_is_refused(each) -> None:
    start = "9838" if each is assemblyai else "9.838"
    text = each.write(SPOKEN).replace(f'"start": {start}', f'"start": 1{start}')
    with pytest.raises(
        FormatError, match=r"x.json: \w+\.0.*from 19.838 s to 10.\d+ s is not a span"
    ):
        each.read(text, source="x.json")


def test_assemblyai_times_beyond_all_recordings_are_refused() -> None:
    text = assemblyai.write(SPOKEN).replace("10780", "1" + "0" * 400)
    with pytest.raises(FormatError, match=r"x.json: utterances.0.end: "):
        assemblyai.read(text, source="x.json")
