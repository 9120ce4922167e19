"""The columns of an exported feedback record, in the order of the HTTP contract."""

TEXT = ("id", "item_id", "external_id", "type", "verdict", "source", "comment", "impact", "decided_at")
NESTED = ("input", "model_output", "label", "reasons", "model", "tags")
NUMBERS = ("type_version", "confidence", "reviews", "agreement", "gold")  # and the truth value, written as they are
ROUTE = ("rule", "ruleset_version", "inclusion_probability")

ORDER = (
    "id",
    "item_id",
    "external_id",
    "type",
    "type_version",
    "input",
    "model_output",
    "label",
    "verdict",
    "source",
    "reasons",
    "comment",
    "model",
    "confidence",
    "impact",
    "tags",
    "route",
    "reviews",
    "agreement",
    "decided_at",
    "gold",
)
