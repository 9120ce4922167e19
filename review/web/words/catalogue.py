"""The catalogue as pages use it; it lies in the kernel, since mails have words too."""

from review.kernel.catalogue import (
    ENGLISH,
    N_,
    direction,
    gettext,
    installed,
    language,
    ngettext,
    one_of,
    speak,
    spoken,
)

__all__ = ["ENGLISH", "N_", "direction", "gettext", "installed", "language", "ngettext", "one_of", "speak", "spoken"]
