"""The Merkle tree of RFC 9162 (section 2.1) over the entries' leaf hashes: growing it, proofs, and checking them."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

LEAF, NODE = b"\x00", b"\x01"
EMPTY_ROOT = sha256(b"").digest()
STEP = 6  # heights between hashes that are kept: one for 64 leaves, and any other is made of at most 32 of them


class Subtree(NamedTuple):
    """A full subtree: 2^height leaves from place * 2^height on."""

    height: int
    place: int


class ProofInvalid(Exception):
    """A proof does not lead to the root it is held against."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash what an entry binds."""
    return sha256(LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees that stand side by side."""
    return sha256(NODE + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the hashes of the full subtrees that its size is made of."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Take up a tree of this size; `hashes` are those of `subtrees_of(0, size)`."""
        self.size = size
        self._held = dict(zip([each.height for each in subtrees_of(0, size)], hashes, strict=True))

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[Subtree, bytes]]:
        """Add leaf hashes, and give the hashes to be kept that became complete with them."""
        complete: list[tuple[Subtree, bytes]] = []
        height, hashes, before = 0, list(leaves), self.size
        while hashes:
            if height and not height % STEP:
                first = before >> height
                complete += [(Subtree(height, first + at), each) for at, each in enumerate(hashes)]
            if height in self._held:
                hashes.insert(0, self._held.pop(height))
            if len(hashes) & 1:
                self._held[height] = hashes.pop()
            pairs = zip(hashes[::2], hashes[1::2], strict=True)
            hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
            height += 1
        self.size += len(leaves)
        return complete

    def root(self) -> bytes:
        """Give the tree's root as it stands."""
        return fold([self._held[height] for height in sorted(self._held, reverse=True)])


def fold(hashes: Sequence[bytes]) -> bytes:
    """Give the root over full subtrees that stand side by side, the largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def subtrees_of(start: int, end: int) -> list[Subtree]:
    """List the full subtrees that a stretch of leaves is made of, from left to right.

    The stretch begins where a subtree of its own size would, as the stretches of proofs do.
    """
    found: list[Subtree] = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append(Subtree(height, start >> height))
        start += 1 << height
    return found


def kept_below(subtree: Subtree) -> list[Subtree]:
    """List the kept hashes (or leaves, of height 0) that a full subtree's hash is made of."""
    height = subtree.height - subtree.height % STEP
    spread = subtree.height - height
    return [Subtree(height, (subtree.place << spread) + at) for at in range(1 << spread)]


def inclusion_path(index: int, size: int) -> list[tuple[int, int]]:
    """List the stretches of leaves whose hashes prove that a leaf stands in the tree, the nearest first."""
    path: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        path.append((middle, end) if index < middle else (start, middle))
        start, end = (start, middle) if index < middle else (middle, end)
    return path[::-1]


def consistency_path(first: int, second: int) -> list[tuple[int, int]]:
    """List the stretches whose hashes prove that the tree of the second size begins with that of the first."""
    path: list[tuple[int, int]] = []
    start, end, is_whole = 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append((start, end))
    return path[::-1]


def build(stretches: Iterable[tuple[int, int]], find: Callable[[Subtree], bytes]) -> list[bytes]:
    """Give the hash of each stretch out of the kept ones."""
    return [
        fold([_grown([find(each) for each in kept_below(full)]) for full in subtrees_of(*stretch)])
        for stretch in stretches
    ]


def needed(stretches: Iterable[tuple[int, int]]) -> set[Subtree]:
    """List the kept hashes that `build` will ask for."""
    return {each for stretch in stretches for full in subtrees_of(*stretch) for each in kept_below(full)}


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf's hash stands at an index of the tree with this root (RFC 9162, section 2.1.3.2).

    Raises:
        ProofInvalid: it does not, as far as the path shows.
    """
    if not 0 <= index < size:
        raise ProofInvalid
    at, last, found = index, size - 1, leaf
    for each in path:
        if not last:
            raise ProofInvalid
        if at & 1 or at == last:
            found = node_hash(each, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, each)
        at, last = at >> 1, last >> 1
    if last or found != root:
        raise ProofInvalid


def check_consistency(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> None:
    """Check that one tree head is an earlier state of another (RFC 9162, section 2.1.4.2).

    Raises:
        ProofInvalid: it is not, as far as the path shows.
    """
    if not 0 < first <= second or (first == second and (path or first_root != second_root)):
        raise ProofInvalid
    if first == second:
        return
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not hashes:
        raise ProofInvalid
    older = newer = hashes[0]
    for each in hashes[1:]:
        if not last:
            raise ProofInvalid
        if at & 1 or at == last:
            older, newer = node_hash(each, older), node_hash(each, newer)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            newer = node_hash(newer, each)
        at, last = at >> 1, last >> 1
    if last or older != first_root or newer != second_root:
        raise ProofInvalid


def _grown(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _split(size: int) -> int:
    """Give the largest power of two below a size of at least two."""
    return 1 << (size - 1).bit_length() - 1
