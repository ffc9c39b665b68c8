import pytest

from diarize.errors import FormatError
from diarize.formats import uem


def test_the_line_to_the_letter_and_back() -> None:
    regions = {"a b": ((0.0, 30.0), (31.5, 60.25)), "c": ((0.0, 1.0),)}
    text = uem.write(regions)
    assert text == "a%20b 1 0.000 30.000\na%20b 1 31.500 60.250\nc 1 0.000 1.000\n"
    assert uem.read(text) == regions


def test_comments_channels_and_order() -> None:
    assert uem.read(";; c\nx NA 5 6\nx NA 0 1.5\n") == {"x": ((0.0, 1.5), (5.0, 6.0))}


def test_broken_lines_are_refused() -> None:
    with pytest.raises(FormatError, match=r"x.uem, line 1: expected file, channel, start and end"):
        uem.read("x 1 5", source="x.uem")
    with pytest.raises(FormatError, match=r"the end \(5 s\) lies before the start \(6 s\)"):
        uem.read("x 1 6 5")
