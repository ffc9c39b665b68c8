import math

import pytest

from diarize.errors import FormatError
from diarize.formats.times import clock, decimal, milliseconds, parse_clock, parse_decimal, span_ms


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "00:00:00,000"),
        (59.9996, "00:01:00,000"),
        (59.9994, "00:00:59,999"),
        (3599.9999, "01:00:00,000"),
        (362_439.001, "100:40:39,001"),
    ],
)
def test_rounding_carries(seconds: float, expected: str) -> None:
    assert clock(milliseconds(seconds), ",") == expected


def test_decimals() -> None:
    assert decimal(6680) == "6.680"
    assert decimal(59_999) == "59.999"
    assert decimal(7) == "0.007"


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -0.5, 1e306])
def test_what_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(FormatError, match="cannot be written"):
        milliseconds(seconds)


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(FormatError, match="ends too early"):
        span_ms(2.0, 1.0)


def test_parsing() -> None:
    assert parse_clock("01:02:03,004", "x") == 3723.004
    assert parse_clock("02:03.004", "x") == 123.004
    for text in ("1:2:3", "00:61:00.000", "00:00:00", "nan"):
        with pytest.raises(FormatError, match=r"x: .* is not a time"):
            parse_clock(text, "x")
    for text in ("nan", "inf", "-1", "one"):
        with pytest.raises(FormatError, match=r"x: "):
            parse_decimal(text, "x")
