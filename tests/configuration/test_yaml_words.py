"""What the library says of a text that is no YAML is known, so that pages can say it in their reader's language."""

import ast
from pathlib import Path

import pytest
import ruamel.yaml

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.yaml_words import YAML_WORDS
from review.kernel.foreign import English
from review.kernel.sentences import Sentence

BROKEN = (
    *("a: b: c", "a: [1", "a: {b", "a: 'b", 'a: "\\y"', 'a: "\\x1"', "a: *b", "a: !<b", "a: @b", "a:\n  - 1\n b: 2"),
    *("%YAML 1.1\n%YAML 1.1\n---\na", "%YAML 2.0\n---\na", "%A", "!x!y a", "--- a\n--- b", "a: |0\n b", "a: |x\n b"),
    *("- a\nb", "a: &\n", "- - ?\n  -", "a: 1\n? : -", "? a\n- b", "[a: b: c]", "a: |\n    b\n  c\n d: e", "{a: b]"),
)
LIBRARY = Path(ruamel.yaml.__path__[0])


def _written() -> set[str]:
    """Collect what the library's reader, scanner and parser raise as the problem, the third of their four arguments."""
    found: set[str] = set()
    for name in ("scanner", "parser", "composer"):
        for node in ast.walk(ast.parse((LIBRARY / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error") and len(node.args) >= 3:
                said = node.args[2]
                parts = said.values if isinstance(said, ast.JoinedStr) else [said]
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in parts)
                found |= {text} if " " in text else set()
    return found


def test_what_the_library_can_say_of_a_text_that_is_no_yaml_is_known() -> None:
    written = _written()
    assert len(written) > 25
    assert {said for said in written if YAML_WORDS.find(said) is None} == set()


def test_a_text_that_is_no_yaml_is_refused_with_a_sentence() -> None:
    for text in BROKEN:
        with pytest.raises(ConfigurationInvalid) as caught:
            parse(text)
        (fault,) = caught.value.faults
        assert isinstance(fault.sentence, Sentence)
        assert not [each for each in fault.sentence._names.values() if isinstance(each, English)], fault.message
