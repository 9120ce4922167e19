"""Checkpoints as signed notes: written, read back, and told from others."""

from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.audit.errors import CheckpointUnreadable, PublicKeyInvalid
from review.audit.notes import Signer, is_signed, key_id, read_key, read_notes, show_key, verifier_key

AT = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
NAME = "countersign/support/1"


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_a_note_is_read_as_it_was_signed(secret: bytes, size: int, root: bytes) -> None:
    signer = Signer(urlsafe_b64encode(secret).decode())
    note = signer.sign(NAME, size, root, AT)
    (found,) = read_notes(f"noise\n\n{note}\n\nnoise")
    assert (found.origin, found.size, found.root, found.signed_at) == (NAME, size, root, AT)
    assert is_signed(found, [bytes(32), signer.public_key])
    assert not is_signed(found, [bytes(32)])
    for key in (show_key(signer.public_key), verifier_key(NAME, signer.public_key)):
        assert read_key(key) == signer.public_key


@given(st.data())
def test_no_changed_note_counts_as_signed(data: st.DataObject) -> None:
    signer = Signer("A" * 43 + "=")
    note = signer.sign(NAME, 12, bytes(32), AT)
    at = data.draw(st.integers(0, len(note) - 1))
    changed = note[:at] + data.draw(st.characters(exclude_characters=note[at], codec="ascii")) + note[at + 1 :]
    try:
        found = read_notes(changed)
    except CheckpointUnreadable:
        return
    assert not [each for each in found if is_signed(each, [signer.public_key]) and each.note != note]


def test_several_notes_are_read_past_one_that_was_never_finished() -> None:
    signer = Signer("A" * 43 + "=")
    notes = [signer.sign(NAME, size, bytes(32), AT) for size in (1, 2, 3)]
    text = f"\n\n{notes[0]}\n\n{NAME}\n2\n\n\n{notes[1]}\n\n{notes[2]}"
    assert [each.size for each in read_notes(text)] == [1, 2, 3]
    assert read_notes("") == []


@pytest.mark.parametrize("text", ["a\nb\nc\nd\n\n— a b\n", f"a\n1\n{b64encode(bytes(32)).decode()}\nnow\n\n— a b\n"])
def test_what_is_no_tree_head_is_refused(text: str) -> None:
    with pytest.raises(CheckpointUnreadable):
        read_notes(text)


@pytest.mark.parametrize("text", ["", "no", "AAAA", "a+b+c", "é" * 44])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(PublicKeyInvalid):
        read_key(text)


def test_the_key_is_named_as_signed_notes_have_it() -> None:
    """The example that the note package of Go publishes."""
    published = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = read_key(published)
    assert key_id("PeterNeumann", key).hex() == "c74f20a3"
    assert verifier_key("PeterNeumann", key) == published
