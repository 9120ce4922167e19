"""Promise 29, for secrets that must be read again: at rest they are sealed, and keys can be replaced."""

import pytest

from review.kernel.sealing import Sealer, SecretUnreadable, new_sealing_key
from review.kernel.settings import Settings

SECRET = "whsec_planted"


def sealer(*keys: str) -> Sealer:
    return Sealer.of(Settings(secret_key=", ".join(keys)))


def test_what_is_sealed_does_not_show_and_comes_back() -> None:
    one = sealer(new_sealing_key())
    stored = one.seal(SECRET)
    assert b"planted" not in stored
    assert stored != one.seal(SECRET)
    assert one.unseal(stored) == SECRET


def test_a_newer_key_seals_while_the_older_still_opens() -> None:
    older, newer = new_sealing_key(), new_sealing_key()
    stored = sealer(older).seal(SECRET)
    both = sealer(newer, older)
    assert both.unseal(stored) == SECRET
    assert sealer(newer).unseal(both.seal(SECRET)) == SECRET


def test_with_another_key_or_a_changed_text_nothing_opens() -> None:
    one = sealer(new_sealing_key())
    stored = one.seal(SECRET)
    for other, text in (
        (sealer(new_sealing_key()), stored),
        (sealer(), stored),
        (one, stored[:-5] + b"AAAA="),
        (one, b"fernet:"),
        (one, b""),
    ):
        with pytest.raises(SecretUnreadable, match="REVIEW_SECRET_KEY"):
            other.unseal(text)


def test_without_a_key_it_is_kept_as_it_is_with_a_mark_and_read_under_any() -> None:
    stored = sealer().seal(SECRET)
    assert stored == b"plain:" + SECRET.encode()
    assert sealer(new_sealing_key()).unseal(stored) == SECRET
