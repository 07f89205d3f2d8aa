"""Times as people write them: what is accepted is what systemd takes."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from pydantic import TypeAdapter, ValidationError

from pyhomelab.model.units import Calendar, Duration

TIMES = [
    "hourly", "quarterly", "Mon", "Sun 03:00", "monday *-12-* 17:00", "Sat,Thu,Mon..Wed", "*-*-01 02:30", "*:0/15",
    "Sun *-*-1..7 04:00:00", "Mon,Fri *-*-3,1,2 *:30:45", "12,14,13,12:20,10,30", "2003-02..04-05", "*-02~03",
    "*-05~07/1", "05:40", "00:00:00 UTC", "*-*-* 02:30 Europe/Berlin",
]  # fmt: skip


@pytest.mark.parametrize("text", TIMES)
def test_a_time_of_systemd_is_taken(text: str) -> None:
    assert TypeAdapter(Calendar).validate_python(text) == text


@pytest.mark.parametrize(
    "text", ["0 * * * *", "each hour", "every day", "@daily", "", "*", "5min", "daily daily", " 05:40"]
)
def test_a_time_that_no_timer_starts_at_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Calendar).validate_python(text)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on PATH")
def test_systemd_takes_every_time_that_is_taken() -> None:
    done = subprocess.run(["systemd-analyze", "calendar", *TIMES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("30s", 30), ("5m", 300), ("60m", 3600), ("1h", 3600)])
def test_a_duration_is_counted_in_seconds(text: str, seconds: int) -> None:
    assert TypeAdapter(Duration).validate_python(text) == seconds


@pytest.mark.parametrize("text", ["30", "0s", "2h", "3601s", "-1s", "1.5s", "1 s", "1d", "", "999999s", 30])
def test_what_is_no_duration_up_to_an_hour_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)
