"""Promise 31: the tree is that of RFC 9162, held against a naive recursion over its definitions."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.audit import tree
from review.audit.tree import Frontier, ProofInvalid, Subtree

MOST = 300
LEAVES = [tree.leaf_hash(str(number).encode()) for number in range(MOST)]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = largest_power_below(len(leaves))
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def naive_inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = largest_power_below(len(leaves))
    if index < split:
        return [*naive_inclusion(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_inclusion(index - split, leaves[split:]), naive_root(leaves[:split])]


def naive_consistency(first: int, leaves: list[bytes], *, is_whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162, section 2.1.4.1."""
    if first == len(leaves):
        return [] if is_whole else [naive_root(leaves)]
    split = largest_power_below(len(leaves))
    if first <= split:
        return [*naive_consistency(first, leaves[:split], is_whole=is_whole), naive_root(leaves[split:])]
    return [*naive_consistency(first - split, leaves[split:], is_whole=False), naive_root(leaves[:split])]


def largest_power_below(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power


ROOTS = [naive_root(LEAVES[:size]) for size in range(MOST + 1)]


def kept(size: int) -> dict[Subtree, bytes]:
    """What the database holds of a tree of this size."""
    held = {Subtree(0, at): LEAVES[at] for at in range(size)}
    return held | dict(Frontier().extend(LEAVES[:size]))


def test_a_known_tree() -> None:
    """The root that RFC 6962's reference implementation gives for its first test leaves."""
    frontier = Frontier()
    frontier.extend([tree.leaf_hash(b""), tree.leaf_hash(b"\x00"), tree.leaf_hash(b"\x10")])
    assert frontier.root().hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert Frontier().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.lists(st.integers(0, 90), max_size=8))
def test_a_tree_grown_in_any_steps_has_the_same_root(steps: list[int]) -> None:
    frontier, kept_hashes = Frontier(), dict[Subtree, bytes]()
    for step in steps:
        upto = min(MOST, frontier.size + step)
        kept_hashes |= dict(frontier.extend(LEAVES[frontier.size : upto]))
        assert frontier.root() == ROOTS[frontier.size]
    full = range(frontier.size // 64)
    assert kept_hashes == {Subtree(6, at): naive_root(LEAVES[64 * at : 64 * at + 64]) for at in full}


@pytest.mark.parametrize("size", [0, 1, 7, 255, 256, 257, 300])
def test_a_tree_is_taken_up_where_it_was_left(size: int) -> None:
    held = kept(size)
    hashes = [tree.build([(each.place << each.height, (each.place + 1) << each.height)], held.__getitem__)[0]
              for each in tree.subtrees_of(0, size)]  # fmt: skip  # one line each
    frontier = Frontier(size, hashes)
    frontier.extend(LEAVES[size:])
    assert frontier.root() == ROOTS[MOST]


def test_inclusion_is_proven_for_every_leaf_of_every_size() -> None:
    for size in [*range(1, 70), 127, 128, 129, 255, 256, 257, MOST]:
        held = kept(size)
        for index in range(size):
            path = tree.build(tree.inclusion_path(index, size), held.__getitem__)
            assert path == naive_inclusion(index, LEAVES[:size])
            tree.check_inclusion(LEAVES[index], index, size, path, ROOTS[size])


def test_consistency_is_proven_for_every_pair_of_sizes() -> None:
    for second in [*range(1, 70), 127, 128, 129, 255, 256, 257, MOST]:
        held = kept(second)
        for first in range(1, second + 1):
            stretches = tree.consistency_path(first, second)
            assert tree.needed(stretches) <= held.keys()
            path = tree.build(stretches, held.__getitem__)
            assert path == naive_consistency(first, LEAVES[:second])
            tree.check_consistency(first, second, ROOTS[first], ROOTS[second], path)


@given(st.data())
def test_no_other_leaf_index_size_root_or_path_passes(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST))
    index = data.draw(st.integers(0, size - 1))
    path = naive_inclusion(index, LEAVES[:size])
    at = data.draw(st.integers(0, len(path) - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index))
    spoilt = [
        (LEAVES[other], index, size, path, ROOTS[size]),
        (LEAVES[index], other, size, path, ROOTS[size]),
        (LEAVES[index], index, size, path, ROOTS[size - 1]),
        (LEAVES[index], index, size, path[:at] + path[at + 1 :], ROOTS[size]),
        (LEAVES[index], index, size, [*path, b"\x00" * 32], ROOTS[size]),
        (LEAVES[index], index, size, [*path[:at], b"\x00" * 32, *path[at + 1 :]], ROOTS[size]),
        (LEAVES[index], size, size, path, ROOTS[size]),
    ]
    for leaf, place, of, way, root in spoilt:
        with pytest.raises(ProofInvalid):
            tree.check_inclusion(leaf, place, of, way, root)


@given(st.data())
def test_no_other_head_passes_as_an_earlier_state(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, MOST))
    first = data.draw(st.integers(1, second - 1))
    path = naive_consistency(first, LEAVES[:second])
    spoilt = [
        (first, second, ROOTS[first - 1], ROOTS[second], path),
        (first, second, ROOTS[first], ROOTS[second - 1], path),
        (first, second, ROOTS[first], ROOTS[second], path[1:]),
        (first, second, ROOTS[first], ROOTS[second], [*path, b"\x00" * 32]),
        (second, first, ROOTS[second], ROOTS[first], path),
        (first, first, ROOTS[first], ROOTS[second], []),
        (0, second, ROOTS[0], ROOTS[second], path),
    ]
    for older, newer, one, other, way in spoilt:
        with pytest.raises(ProofInvalid):
            tree.check_consistency(older, newer, one, other, way)


@pytest.mark.parametrize("size", [1_000, 1 << 20, (1 << 24) - 1])
def test_a_proof_reads_a_few_hundred_hashes_at_most(size: int) -> None:
    """What is kept at every sixth height bounds what a proof reads."""
    for index in (0, size // 3, size - 1):
        assert len(tree.needed(tree.inclusion_path(index, size))) <= 4 * 2 * 63
        assert len(tree.needed(tree.consistency_path(index + 1, size))) <= 4 * 2 * 63
