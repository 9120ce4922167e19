"""Fields that item types call personal, as a document says them: what is read, and what is refused at its place."""

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.rules import compile_config

DOCUMENT = """project: p
item_types:
  t:
    input_schema:
      type: object
      properties:
        email: {type: string}
        contacts: {type: array, items: {type: object, properties: {phone: {type: string}}}}
        free: {type: object}
    output_schema: {type: object, properties: {name: {type: string}}}
    personal: [%s]
  open: {input_schema: true, output_schema: true}
pools: {x: {}}
rules: []
"""


def faults(path: str) -> list[tuple[str, int, str]]:
    try:
        compile_config(parse(DOCUMENT % path))
    except ConfigurationInvalid as refusal:
        return [(each.path, each.line, each.message) for each in refusal.faults]
    return []


def test_paths_of_the_schemas_are_read() -> None:
    """Issue 7, point 8: an item type says which of its fields are personal."""
    named = "input.email, 'input.contacts[].phone', input.free.anything, output.name, metadata.phone, subject"
    config = compile_config(parse(DOCUMENT % named))
    assert config.item_types["t"].personal[1] == "input.contacts[].phone"
    assert config.personal == {"t": config.item_types["t"].personal}


def test_a_path_that_no_schema_knows_is_refused_at_its_place() -> None:
    """Issue 7, point 8: a misspelt field would not be hidden, so it is refused with its line and what there is."""
    for path, words in {
        "input.emial": "Did you mean `email`",
        "output.email": "no item type's schema has `output.email`",
        "'input.contacts[].fone'": "phone",
        "'input.email[]'": "is no list",
        "input": "must be a path",
        "'input.contacts[0].phone'": "must be a path",
        "input..email": "must be a path",
        "payload.email": "must begin with one of",
        "subject.name": "has nothing below it",
        "'input.email', input.email": "twice",
        "12": "must be a text",
    }.items():
        found = faults(path)
        assert [(where.partition("[")[0], line) for where, line, _ in found] == [("item_types.t.personal", 11)], path
        assert words.lower() in found[0][2].lower(), (path, found)
