#!/usr/bin/env python3
"""sum_results.py FOLDER: adds up the JUnit files in a folder.

Names what failed and what was skipped, and ends in one line of counts. Exits 1 when something
failed or nothing was run.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "passed" if case.find("skipped") is None else "skipped"


def reason(case):
    """What a skipped test said, as far as it said something."""
    text = case.find("skipped").get("message") or ""
    said = [line.strip() for line in (case.findtext("system-out") or "").splitlines()]
    for line, next_line in zip(said, said[1:]):
        if line.endswith(": Skipped"):  # GoogleTest prints its reason below the place.
            text = next_line
    return f": {text}" if text and not text.startswith("SKIP_") else ""


def read(file):
    """The cases of a file. Colours and other control characters in it are no XML."""
    text = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(x1b|27);", b"", file.read_bytes(), flags=re.I)
    try:
        return list(xml.fromstring(text).iter("testcase"))
    except xml.ParseError as error:
        unreadable = xml.Element("testcase", name=f"its results cannot be read: {error}")
        xml.SubElement(unreadable, "failure")
        return [unreadable]


cases = {"passed": [], "failed": [], "skipped": []}
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.xml")):
    for case in read(file):
        cases[outcome(case)].append((f"{file.stem}: {case.get('name')}", case))

print()
for name, case in cases["skipped"]:
    print(f"skipped  {name}{reason(case)}")
for name, _ in cases["failed"]:
    print(f"FAILED   {name}")
print(f"{len(cases['passed'])} passed, {len(cases['failed'])} failed, {len(cases['skipped'])} skipped")
sys.exit(1 if cases["failed"] or not cases["passed"] else 0)
