"""Passwords of local accounts: argon2id, which takes as long for nobody as for somebody."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from review.kernel.errors import FieldError
from review.kernel.sentences import say

MIN_LENGTH = 10
MAX_LENGTH = 1024  # argon2 would hash a megabyte just as willingly

_hasher = PasswordHasher()  # RFC 9106's low-memory profile, the library's default
NOBODY = _hasher.hash(secrets.token_hex())


def hash_password(password: str) -> str:
    """Give what is stored of a password; takes a processor for tens of milliseconds."""
    return _hasher.hash(password)


def verify(stored: str, password: str) -> bool:
    """Tell whether the password belongs to what is stored; takes as long as hashing it."""
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Tell whether what is stored was made with other parameters than a password of today would be."""
    return _hasher.check_needs_rehash(stored)


def fault_of(password: str) -> FieldError | None:
    """Say what keeps this from being a password, if anything does."""
    if MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return None
    return FieldError(
        "password",
        say("must have %(least)s to %(most)s characters", least=MIN_LENGTH, most=MAX_LENGTH),
    )
