"""A made-up language, and one that is read from the right: English with accents and in brackets."""

import re
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from review.kernel import catalogue
from review.kernel.catalogue import Languages
from review.kernel.resources import words_dir

POT = words_dir() / "countersign.pot"
MADE_UP, FROM_THE_RIGHT = "qps", "he"
ACCENTED = str.maketrans("aeiouAEIOUcnsyz", "áéíóúÁÉÍÓÚçñšýž")
KEPT = re.compile(r"%\(\w+\)s|%%|<[^>]*>|&\w+;")


def marked(message: str) -> str:
    """Write a message in the made-up language: accented, in brackets, with its placeholders and markup as they are."""
    kept = KEPT.findall(message)
    parts = [part.translate(ACCENTED) for part in KEPT.split(message)]
    return "[" + "".join(part + (kept[at] if at < len(kept) else "") for at, part in enumerate(parts)) + "]"


def install(root: Path) -> Languages:
    """Write the catalogues of both languages below a directory."""
    words = Catalog(domain=catalogue.DOMAIN)
    for message in read_po(BytesIO(POT.read_bytes())):
        if isinstance(message.id, str):
            if message.id:
                words.add(message.id, marked(message.id))
        else:
            words.add(message.id, tuple(marked(form) for form in message.id))
    for tag in (MADE_UP, FROM_THE_RIGHT):
        place = root / tag / "LC_MESSAGES" / f"{catalogue.DOMAIN}.mo"
        place.parent.mkdir(parents=True)
        with place.open("wb") as file:
            write_mo(file, words)
    return Languages(root)
