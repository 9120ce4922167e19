"""Rules that nothing can reach since an earlier one takes it all, and pools that everything goes to; no I/O."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from review.configuration.checks import Checks
from review.routing.rules import Rule
from review.routing.tokens import Kind, Token, scan, text_of

FEW = 3  # members of a pool; below it one illness stops everything
_MAX_COMPARED = 50  # earlier rules on one field; with more, a rule that nothing reaches may stay unsaid
_ORDERED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Atom(msgspec.Struct, frozen=True):
    """A comparison of one field with a number, or with the texts and numbers that it may equal (`in`)."""

    path: str
    sign: str
    bound: float = 0.0
    values: frozenset[str | float] = frozenset()


def shadow_warnings(checks: Checks, rules: Sequence[Rule], members: Mapping[str, int]) -> tuple[str, ...]:
    """Warn of rules that cannot be reached, and of pools with few members that take everything; each with its line.

    A rule is reached where the conditions before it were evaluated and none held. One whose condition can only hold
    where an earlier one holds, which takes all it holds for, is therefore never the one that takes an item.
    """
    found: list[str] = []
    known: dict[tuple[str, ...], int] = {}
    by_path: dict[str, list[tuple[int, tuple[_Atom, ...]]]] = {}
    for at, rule in enumerate(rules):
        tokens = list(scan(rule.condition.source))
        words = tuple(token.text for token in tokens)
        atoms = tuple(_atoms(tokens))
        by = known.get(("true",), known.get(words))
        if by is None:
            by = _implied(atoms, by_path)
        if by is not None:
            found.append(str(checks.document.fault(f"rules[{at}]", _unreachable(rules[by], rule, by + 1))))
        elif rule.sample >= 1.0:
            known[words] = at
            same_path = by_path.setdefault(atoms[0].path, []) if atoms else []
            if len(same_path) < _MAX_COMPARED:
                same_path.append((at, atoms))
        count = members.get(rule.pool or "", 0)
        if by is None and words == ("true",) and rule.sample >= 1.0 and 0 < count < FEW:
            message = f"everything of every type that comes this far goes to `{rule.pool}`, which has {count} member(s)"
            found.append(str(checks.document.fault(f"rules[{at}].then", message)))
    return tuple(found)


class Contradiction(msgspec.Struct, frozen=True):
    """Two rules by their places: where the later one's holds the earlier one's does too, wins, and differs."""

    wins: int
    loses: int


def contradictions(rules: Sequence[Rule]) -> tuple[Contradiction, ...]:
    """List rules that an earlier one gainsays wherever they hold; of those with one condition the first wins.

    A sample that sends people what a later rule decides is no contradiction: it is what samples are for.
    """
    found: list[Contradiction] = []
    known: dict[tuple[str, ...], int] = {}
    by_path: dict[str, list[tuple[int, tuple[_Atom, ...]]]] = {}
    for at, rule in enumerate(rules):
        tokens = list(scan(rule.condition.source))
        words, atoms = tuple(token.text for token in tokens), tuple(_atoms(tokens))
        by = known.get(("true",), known.get(words))
        by = _implied(atoms, by_path) if by is None else by
        if by is not None:
            if (rules[by].action, rules[by].pool) != (rule.action, rule.pool):
                found.append(Contradiction(by, at))
        elif rule.sample >= 1.0 or rule.action != "review":
            known[words] = at
            same_path = by_path.setdefault(atoms[0].path, []) if atoms else []
            if len(same_path) < _MAX_COMPARED:
                same_path.append((at, atoms))
    return tuple(found)


def _unreachable(earlier: Rule, rule: Rule, number: int) -> str:
    same = earlier.condition.source == rule.condition.source
    why = "has the same condition" if same else "holds wherever this one does"
    contrary = ", and says the contrary" if {earlier.action, rule.action} == {"approve", "reject"} else ""
    if not contrary and (earlier.action, earlier.pool) != (rule.action, rule.pool):
        contrary = ", and says otherwise"
    return f"can never be reached: rule {number}, `{earlier.name}`, {why}, and takes all of it{contrary}"


def _implied(atoms: Sequence[_Atom], by_path: Mapping[str, list[tuple[int, tuple[_Atom, ...]]]]) -> int | None:
    """Give an earlier rule each part of which follows from a part of this one."""
    for path in dict.fromkeys(atom.path for atom in atoms):
        for at, earlier in by_path.get(path, ()):
            if all(any(_follows(atom, wanted) for atom in atoms) for wanted in earlier):
                return at
    return None


def _follows(given: _Atom, wanted: _Atom) -> bool:
    """Tell whether what is `wanted` holds wherever what is `given` does and both can be evaluated."""
    if given.path != wanted.path:
        return False
    if given.sign == "in":
        if wanted.sign == "in":
            return given.values <= wanted.values
        test = _ORDERED[wanted.sign]
        return all(isinstance(value, float) and test(value, wanted.bound) for value in given.values)
    if given.sign[0] != wanted.sign[0]:
        return False
    if given.bound == wanted.bound:
        return given.sign == wanted.sign or wanted.sign.endswith("=")
    return _ORDERED[given.sign[0]](given.bound, wanted.bound)


def _atoms(tokens: Sequence[Token]) -> Iterator[_Atom]:
    """Give the comparisons that a condition joins by `&&`; none if it is made of anything else."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.text == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    atoms = [_atom(part) for part in parts]
    if all(atom is not None for atom in atoms):
        yield from (atom for atom in atoms if atom is not None)


def _atom(tokens: Sequence[Token]) -> _Atom | None:
    end = 0
    while end < len(tokens) and (tokens[end].kind is Kind.NAME if end % 2 == 0 else tokens[end].text == "."):
        end += 1
    if end < 3 or end % 2 == 0 or tokens[0].text != "item" or end >= len(tokens):
        return None
    path, sign = "".join(token.text for token in tokens[:end]), tokens[end].text
    values = [_value(token) for token in tokens[end + 1 :]]
    if len(values) != 1 or values[0] is None:
        return None
    value = values[0]
    if sign == "==":
        return _Atom(path, "in", values=frozenset({value}))
    return _Atom(path, sign, value) if sign in _ORDERED and isinstance(value, float) else None


def _value(token: Token) -> str | float | None:
    if token.kind is Kind.TEXT:
        return text_of(token)
    try:
        return float(token.text) if token.kind is Kind.NUMBER else None
    except ValueError:
        return None
