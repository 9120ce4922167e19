"""The verifier: takes the log's lines in their order and names the first record that is not as it was; no I/O."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec

from review.audit.notes import Checkpoint, is_signed
from review.audit.rules import Action
from review.audit.tree import Frontier, Subtree

_EPOCH = datetime.fromtimestamp(0, UTC)
LINE_START = b'{"bound":'


class Bound(msgspec.Struct, frozen=True):
    """What of an entry the verifier reads of its bound part."""

    project: str
    position: int
    id: str
    at: int
    action: str
    commitment: str


class Line(msgspec.Struct, frozen=True):
    """A line of the export; `bound` and `personal` are kept as the bytes that were hashed."""

    bound: msgspec.Raw
    leaf: str
    salt: str | None
    personal: msgspec.Raw


class _Positions(msgspec.Struct):
    positions: list[int]


class _Erasing(msgspec.Struct):
    details: _Positions


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """The first record that is wrong, as far as it can be told, and why."""

    position: int
    why: str
    id: str | None = None
    at: datetime | None = None
    action: str | None = None

    def __str__(self) -> str:
        """Say it in a sentence."""
        at = None if self.at is None else f"{self.at:%Y-%m-%d %H:%M:%S.%f} UTC"
        known = ", ".join(each for each in (self.id, at, self.action) if each)
        return f"Position {self.position}{f' ({known})' if known else ''}: {self.why}."


class Kept(msgspec.Struct, frozen=True):
    """What counts of a checkpoint, and where it was found; no more, for there may be very many."""

    size: int
    root: bytes
    signed_at: datetime
    place: str
    is_ours: bool

    @classmethod
    def of(cls, checkpoint: Checkpoint, place: str, origin: str, keys: Sequence[bytes]) -> "Kept":
        """Take what counts; it is ours if it names this log and one of the keys signed it, where any was given."""
        is_ours = checkpoint.origin == origin and (not keys or is_signed(checkpoint, keys))
        return cls(checkpoint.size, checkpoint.root, checkpoint.signed_at, place, is_ours)

    def __str__(self) -> str:
        """Name it in a sentence."""
        return f"the checkpoint of size {self.size}, signed {self.signed_at:%Y-%m-%d %H:%M:%S} UTC ({self.place})"


class _Broken(Exception):
    """A record is not as it was."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


_lines = msgspec.json.Decoder(Line)
_bounds = msgspec.json.Decoder(Bound)


class Verifier:
    """Grows the tree again from the lines and holds it against the checkpoints.

    Give lines with `take`, in order and without gaps, and then `finish`. The first fault ends it: `fault` has it.
    """

    def __init__(self, project_id: UUID) -> None:
        self.fault: Fault | None = None
        self.erased: set[int] = set()
        self.matched: Kept | None = None
        self.compared = 0
        self._project = str(project_id)
        self._frontier = Frontier()
        self._ahead: list[Kept] = []
        self._announced: set[int] = set()

    @property
    def size(self) -> int:
        """Tell how many records were found to be as they were."""
        return self._frontier.size

    def expect(self, kept: Iterable[Kept]) -> None:
        """Hold the log against more checkpoints, which must be of trees no smaller than what was taken."""
        self._ahead = sorted([*self._ahead, *kept], key=lambda each: each.size)

    def announce(self, positions: Iterable[int]) -> None:
        """Say that these records were erased on purpose, as an entry says that has no place yet."""
        self._announced.update(positions)

    def take(self, lines: Sequence[bytes | None]) -> list[tuple[Subtree, bytes]]:
        """Verify the next records; gives the hashes over many of them that became complete."""
        if self.fault is not None:
            return []
        leaves: list[bytes] = []
        try:
            self._read(lines, leaves)
        except _Broken as broken:
            complete = self._grow(leaves)
            self.fault = self.fault or broken.fault
            return complete
        return self._grow(leaves)

    def finish(self, size: int | None = None) -> Fault | None:
        """Say that no line follows; `size` is how many there were to be, where something says so."""
        if self.fault is None and self._ahead:
            last = self._ahead[-1]
            why = f"the log ends here, though {last} has {last.size - self.size} more: the tail was cut off"
            self.fault = Fault(position=self.size, why=why)
        if self.fault is None and size is not None and size != self.size:
            self.fault = Fault(position=self.size, why=f"the log ends here, though it is said to have {size} records")
        silent = self.erased - self._announced
        if self.fault is None and silent:
            self.fault = Fault(position=min(silent), why="the record was erased, and no entry says by whom and why")
        return self.fault

    def _read(self, lines: Sequence[bytes | None], leaves: list[bytes]) -> None:
        """Find the leaf hashes of lines that are as they were."""
        expected, project = self.size, self._project
        read_line, read_bound, append = _lines.decode, _bounds.decode, leaves.append
        for raw in lines:
            try:
                line = read_line(raw or b"")
                bound = read_bound(line.bound)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
                raise _Broken(Fault(position=expected, why="the record cannot be read any more")) from fault
            if bound.position != expected or bound.project != project:
                raise _Broken(_misplaced(expected, project, bound))
            leaf = sha256(b"\x00" + bytes(line.bound)).digest()
            if leaf.hex() != line.leaf:
                raise _Broken(_fault(bound, "what it binds (place, time, actor, action, item or version) was changed"))
            if line.salt is None:
                self._note_erased(bound, line)
            elif sha256(line.salt.encode() + line.personal).hexdigest() != bound.commitment:
                raise _Broken(_fault(bound, "its name, origin or details were changed"))
            if bound.action == Action.AUDIT_ERASED:
                self._note_announced(line)
            append(leaf)
            expected += 1

    def _note_erased(self, bound: Bound, line: Line) -> None:
        if bytes(line.personal) != b"null":
            raise _Broken(_fault(bound, "its salt is gone, and its name, origin and details are not"))
        self.erased.add(bound.position)

    def _note_announced(self, line: Line) -> None:
        with suppress(msgspec.MsgspecError, RecursionError):
            self.announce(msgspec.json.decode(line.personal, type=_Erasing).details.positions)

    def _grow(self, leaves: list[bytes]) -> list[tuple[Subtree, bytes]]:
        complete: list[tuple[Subtree, bytes]] = []
        done, start = 0, self.size
        while self._ahead and self._ahead[0].size <= start + len(leaves):
            upto = max(done, self._ahead[0].size - start)
            complete += self._frontier.extend(leaves[done:upto])
            done = upto
            self._compare(self._ahead.pop(0))
            if self.fault is not None:
                return complete
        return complete + self._frontier.extend(leaves[done:])

    def _compare(self, kept: Kept) -> None:
        if not kept.is_ours:
            why = f"{kept} was not signed for this log by the key that was given"
            self.fault = Fault(position=max(0, kept.size - 1), why=why)
        elif kept.size == self.size and kept.root != self._frontier.root():
            before = f"{self.matched}, which matches" if self.matched else "the beginning"
            last = kept.size - 1
            why = f"this record or one up to {last} was rewritten, between {before}, and {kept}, which does not"
            self.fault = Fault(position=self.matched.size if self.matched else 0, why=why)
        elif kept.size == self.size:
            self.matched = kept
            self.compared += 1


def _misplaced(expected: int, project: str, bound: Bound) -> Fault:
    if bound.project != project:
        return _fault(bound, "the record is another project's", position=expected)
    if bound.position < expected:
        return _fault(bound, f"the record of position {bound.position} stands here again", position=expected)
    why = f"the record is missing: that of position {bound.position} stands here"
    return _fault(bound, why, position=expected)


def _fault(bound: Bound, why: str, position: int | None = None) -> Fault:
    return Fault(
        position=bound.position if position is None else position,
        why=why,
        id=bound.id,
        at=_moment(bound.at),
        action=bound.action,
    )


def _moment(micros: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:  # an edited time need not be one
        return None
