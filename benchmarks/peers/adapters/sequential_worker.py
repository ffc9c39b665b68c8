"""faster-whisper's own sequential loop on the same model: words, nobody's.

Runs in the bench's own environment. What it recognises is compared with ours by WER, speed and
nothing else: all words are one speaker's.
"""

from __future__ import annotations

from collections.abc import Callable

from worker import Found, Request, n_threads, samples, serve

from diarize.transcription import Transcriber


def load() -> Callable[[Request], Found]:
    model = Transcriber("base", language="en", threads=n_threads()).model

    def answer(request: Request) -> Found:
        sound = samples(request["audio"])
        segments, _ = model.transcribe(sound, language="en", beam_size=5, word_timestamps=True)
        said = []
        for s in segments:
            words = [[w.word.strip(), w.start, w.end, w.word[:1] == " "] for w in s.words or ()]
            said.append(
                {"speaker": "A", "start": s.start, "end": s.end, "text": s.text, "words": words}
            )
        return {"turns": [], "utterances": said}

    return answer


if __name__ == "__main__":
    serve(load)
