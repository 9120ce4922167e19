"""The words of the pages: all that the templates have stand in the file that translators work from."""

from collections.abc import Sequence
from io import BytesIO

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from tests.house.source import REPOSITORY

POT = REPOSITORY / "review" / "web" / "words" / "countersign.pot"
KEYWORDS = {**DEFAULT_KEYWORDS, "say": None, "say_n": (1, 2)}  # as `make words` has them


def test_what_translators_get_is_current() -> None:
    with (REPOSITORY / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]  # Babel says no types of it
    found = {_id(message) for _, _, message, _, _ in extract_from_dir(REPOSITORY, methods, options, KEYWORDS)}
    assert found, "there are words to collect"
    written = {_id(message.id) for message in read_po(BytesIO(POT.read_bytes())) if message.id}
    assert found == written, "run `make words`"


def _id(message: str | Sequence[str]) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else tuple(message[:2])
