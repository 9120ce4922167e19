"""The verifier by itself: whatever it is given, it says where the log stops being as it was, and never breaks."""

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.audit.verifying import Verifier

PROJECT = UUID(int=7)
SALT = "5a" * 32


def line(position: int, name: str = "ana", **changed: Any) -> bytes:
    """An entry as the export writes it."""
    personal = json.dumps({"actor_name": name, "origin": "", "details": {}})
    commitment = sha256((SALT + personal).encode()).hexdigest()
    told = {"v": 1, "project": str(PROJECT), "position": position, "id": f"id-{position}", "at": 1_795_752_000_000_000}
    bound = json.dumps(told | {"action": "key.created", "commitment": commitment} | changed)
    leaf = sha256(b"\x00" + bound.encode()).hexdigest()
    return f'{{"bound":{bound},"leaf":"{leaf}","salt":"{SALT}","personal":{personal}}}\n'.encode()


LINES = [line(position) for position in range(30)]


def first_fault(lines: list[bytes], size: int | None = None, step: int = 7) -> int | None:
    verifier = Verifier(PROJECT)
    for start in range(0, len(lines), step):
        verifier.take(lines[start : start + step])
    fault = verifier.finish(size)
    assert fault is None or str(fault).startswith(f"Position {fault.position}")
    return None if fault is None else fault.position


@given(st.integers(1, 40))
def test_a_whole_log_is_whole_in_any_portions(step: int) -> None:
    assert first_fault(LINES, len(LINES), step) is None


@given(st.data())
def test_the_first_place_that_changed_is_named(data: st.DataObject) -> None:
    """Edits, deletions, swaps, copies and cuts, wherever they are."""
    at = data.draw(st.integers(0, 28))
    raw = LINES[at]
    byte = data.draw(st.integers(10, len(raw) - 2).filter(lambda place: raw[place] not in b" \t"))
    other = data.draw(st.integers(33, 126).filter(lambda value: value != raw[byte]))
    later = data.draw(st.integers(at + 1, 29))
    swapped = [*LINES]
    swapped[at], swapped[later] = LINES[later], LINES[at]
    changed = {
        "edited": [*LINES[:at], raw[:byte] + bytes([other]) + raw[byte + 1 :], *LINES[at + 1 :]],
        "deleted": [*LINES[:at], *LINES[at + 1 :]],
        "swapped": swapped,
        "copied": [*LINES[:at], LINES[later], *LINES[at:]],
        "cut": LINES[:at],
    }
    for name, lines in changed.items():
        assert first_fault(lines, len(LINES)) == at, name


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"{",
        b"null",
        b"\xff",
        b'{"bound":{},"leaf":"","salt":null,"personal":null}',
        b'{"bound":' + b"[" * 100_000,
        line(3, at=2**62).replace(b'"leaf":"', b'"leaf":"0'),
        line(3, project="another"),
        line(-1),
        line(3).replace(b'"salt":"5a', b'"salt":"5b'),
        line(3).replace(f'"salt":"{SALT}"'.encode(), b'"salt":null'),
    ],
    ids=range(11),
)
def test_what_is_no_entry_of_this_log_is_named_by_its_place(spoilt: bytes) -> None:
    lines = [*LINES[:3], spoilt, *LINES[4:]]
    assert first_fault(lines, len(LINES)) == 3
