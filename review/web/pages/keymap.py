"""The single keys that pages name and that a person may change, with what each does."""

from typing import Final

from review.web.words.catalogue import N_

KEYS: Final = {
    "a": N_("Approve what the model said"),
    "c": N_("Correct it: go to the form, or send it once it is changed"),
    "r": N_("Reject it"),
    "s": N_("Skip, with a reason"),
    "e": N_("Escalate, with a reason"),
    "n": N_("Write a note"),
    "u": N_("Undo the last verdict, while it does not count yet"),
    "z": N_("Snooze until later"),
    "b": N_("Send it back with a note"),
    "p": N_("Pin it and go on with another"),
    "m": N_("Show all that can be done with it"),
    "q": N_("Ask upstream"),
    "t": N_("Talk: comment for others"),
    "v": N_("Show what is sensitive as it is, or hide it again"),
    "g": N_("Go to a page, named by the next key"),
}
