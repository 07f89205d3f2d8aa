"""What was found of the checks of machines → JUnit's XML, as continuous integration servers read it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pyhomelab.checks import Finding
    from pyhomelab.health.verification import Verified


def junit(machines: Iterable[Verified], at: datetime) -> bytes:
    """Write a suite for each machine and a case for each check.

    A check that could not be run is an error and never passed; one that is about something elsewhere is skipped.
    """
    suites = [_suite(one, at) for one in machines]
    root = Element("testsuites", {"name": "pyhomelab verify", **_sums(suites)})
    root.extend(suites)
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _suite(one: Verified, at: datetime) -> Element:
    moment = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    counts = {
        "tests": str(len(one.findings)),
        "failures": str(len(one.failing)),
        "errors": str(len(one.untold)),
        "skipped": str(len(one.elsewhere)),
        "time": str(max((found.seconds for found in one.findings), default=0)),  # they run side by side
    }
    suite = Element("testsuite", {"name": one.machine, **counts, "timestamp": moment, "hostname": one.machine})
    for found in one.findings:
        _case(suite, one.machine, found)
    return suite


def _case(suite: Element, machine: str, found: Finding) -> None:
    check = found.check
    about = {"classname": f"{machine}.{check.role}", "name": check.name, "time": str(found.seconds)}
    case = SubElement(suite, "testcase", about)
    if found.verdict == "holds":
        return
    said = found.said or "no reason was given"
    if found.verdict == "fails":
        SubElement(case, "failure", {"type": "fails", "message": said}).text = f"{said}\n{check.mend}"
    elif found.is_due:
        SubElement(case, "error", {"type": "not run", "message": said}).text = said
    else:
        SubElement(case, "skipped", {"type": "not here", "message": said}).text = said


def _sums(suites: Iterable[Element]) -> dict[str, str]:
    known = list(suites)
    names = ("tests", "failures", "errors")
    return {name: str(sum(int(suite.get(name, "0")) for suite in known)) for name in names}
