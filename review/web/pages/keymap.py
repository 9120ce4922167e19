"""The single keys that pages name and that a person may change, with what each does."""

from typing import Final

KEYS: Final = {
    "a": "Approve what the model said",
    "c": "Correct it: go to the form, or send it once it is changed",
    "r": "Reject it",
    "s": "Skip, with a reason",
    "e": "Escalate, with a reason",
    "n": "Write a note",
    "u": "Undo the last verdict, while it does not count yet",
    "z": "Snooze until later",
    "b": "Send it back with a note",
    "p": "Pin it and go on with another",
    "m": "Show all that can be done with it",
    "q": "Ask upstream",
    "t": "Talk: comment for others",
    "v": "Show what is sensitive as it is, or hide it again",
    "g": "Go to a page, named by the next key",
}
