"""Making ready what redacts a project's records, and refusing what may not be asked for."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from review.configuration.personal import find_unknown, personal_of
from review.datasets.errors import DatasetInvalid, PersonalWithheld
from review.datasets.redaction import queries, rules
from review.datasets.redaction.rules import SUBJECT, Applied, Field, Fields, How, Redacting, Redaction
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.kernel.errors import FieldError
from review.kernel.sealing import Sealer
from review.kernel.sentences import Sentence, say
from review.kernel.settings import Settings

KEY_BYTES = 32


class Redactor:
    """What redacts the records of a project, as its configuration and a definition stand."""

    def __init__(self, personal: Mapping[str, Sequence[str]], fields: Sequence[Field], key: bytes | None) -> None:
        self._personal = personal
        self._fields = fields
        self._key = key
        self.rewriter = Redacting(fields, personal, key or b"")

    def told(self, types: Iterable[str]) -> Redaction:
        """Tell what is done to records of these types, as a manifest says it."""
        applied = [
            each
            for name in sorted(set(types))
            for each in rules.applied_to(name, self._fields, self._personal.get(name, ()))
        ]
        is_hashed = self._key is not None and any(each.how == "hash" for each in applied)
        return Redaction(fields=applied, key=rules.mark_of(self._key or b"") if is_hashed else None)


async def redactor_for(hot: Hot, project_id: UUID, fields: Sequence[Field], by: str, settings: Settings) -> Redactor:
    """Make ready what redacts the records of a snapshot, which are kept together by what stands at `by`.

    Raises:
        DatasetInvalid: what they are kept together by has become personal, and is dropped (422); SecretUnreadable: the
        project's key was sealed with one that this process lacks (503).
    """
    types = await queries.list_types(hot, project_id)
    if by.startswith("input.") and (why := _why_not_by(types, fields, by)) is not None:
        message = say("Records cannot be kept together by %(path)s: it %(why)s.", path=by, why=why)
        raise DatasetInvalid(message)
    personal = _personal_in(types)
    is_keyed = any(each.how == "hash" for each in fields) or any(SUBJECT in paths for paths in personal.values())
    return Redactor(personal, fields, await get_key(hot, project_id, settings) if is_keyed else None)


async def trial_redactor(hot: Hot, who: Principal, fields: Sequence[Field]) -> Redactor:
    """Make ready what redacts records of a preview: its hashes are by a key that is thrown away."""
    shown = [each for each in fields if each.how != "keep" or who.sees_personal]
    personal = await list_personal(hot, who.project_id)
    return Redactor(personal, shown, secrets.token_bytes(KEY_BYTES))


def fields_of(
    drop: Iterable[str] = (), hashed: Iterable[str] = (), masked: Iterable[str] = (), *, keep_last: int = 0
) -> tuple[Field, ...]:
    """Read the fields of an export as they are named, each with what happens to it.

    Raises:
        DatasetInvalid: one of them cannot be a path (422).
    """
    named: tuple[tuple[How, Iterable[str]], ...] = (("drop", drop), ("hash", hashed), ("mask", masked))
    found: list[dict[str, object]] = [{"path": path, "how": how} for how, paths in named for path in paths]
    if keep_last:
        found = [each | {"keep_last": keep_last} if each["how"] == "mask" else each for each in found]
    try:
        return msgspec.convert(found, Fields)
    except msgspec.ValidationError as fault:
        message = say("What is to be redacted cannot be as asked. Nothing was changed; mend what is named.")
        raise DatasetInvalid(message, errors=(FieldError("redaction", str(fault)),)) from fault


async def redactor_of_export(
    hot: Hot, who: Principal, fields: Sequence[Field], settings: Settings, *, without_personal: bool = False
) -> Redactor:
    """Make ready what redacts an export: what is named, and the personal fields that the caller does not see.

    With `without_personal` they are dropped whoever asks.

    Raises:
        DatasetInvalid: a path cannot be (422); SecretUnreadable (503).
    """
    await check(hot, who, fields, at="redaction")
    is_hashing = any(each.how == "hash" for each in fields)
    personal = await list_personal(hot, who.project_id) if without_personal else who.hides
    return Redactor(personal, fields, await get_key(hot, who.project_id, settings) if is_hashing else None)


async def get_key(hot: Hot, project_id: UUID, settings: Settings) -> bytes:
    """Give the key by which a project's values are hashed, and make it where there is none yet.

    Raises:
        SecretUnreadable: it was sealed with a key that this process lacks (503).
    """
    sealer = Sealer.of(settings)
    sealed = await queries.find_key(hot, project_id)
    if sealed is None:
        await queries.add_key(hot, project_id, sealer.seal(secrets.token_hex(KEY_BYTES)))
        sealed = await queries.find_key(hot, project_id)
    return bytes.fromhex(sealer.unseal(sealed or b""))


async def check(
    hot: Hot, who: Principal, fields: Sequence[Field], *, types: Sequence[str] = (), at: str, by: str = ""
) -> None:
    """Refuse fields that no record has, that may not be kept whole, or that records are told apart by.

    `types` narrows to some item types, and `by` is the path that records are split by.

    Raises:
        DatasetInvalid: with the places (422); PersonalWithheld: the caller may not have a field whole (403).
    """
    kept = [each.path for each in fields if each.how == "keep"]
    if kept and not who.sees_personal:
        message = say(
            "You do not see personal fields, so no dataset of yours keeps %(paths)s. Nothing was changed.",
            paths=", ".join(kept),
        )
        raise PersonalWithheld(message)
    known = await queries.list_types(hot, who.project_id) if fields or by.startswith("input.") else {}
    wanted = {name: each for name, each in known.items() if not types or name in types}
    faults = [(f"{at}[{place}].path", fault) for place, fault in rules.faults_of(fields)]
    if not faults:
        faults = [
            (f"{at}[{place}].path", unknown)
            for place, each in enumerate(fields)
            if (unknown := find_unknown(wanted, each.path)) is not None
        ]
    if by.startswith("input.") and (why := _why_not_by(wanted, fields, by)) is not None:
        faults.append(("definition.splitting.by", why))
    if faults:
        message = say("What is to be redacted cannot be as asked. Nothing was changed; mend what is named.")
        raise DatasetInvalid(message, errors=tuple(FieldError(place, fault) for place, fault in faults))


def _why_not_by(types: Mapping[str, Any], fields: Sequence[Field], by: str) -> Sentence | None:
    found = [rules.why_not_by(by, rules.applied_to(name, fields, personal_of(each))) for name, each in types.items()]
    return next((each for each in found if each is not None), None)


def check_readable(types: Iterable[str], applied: Sequence[Applied], hides: Mapping[str, Sequence[str]]) -> None:
    """Let pass who may read files of records of these types, to which this was done.

    Raises:
        PersonalWithheld: they hold personal fields that are hidden from the reader (403).
    """
    exposed = rules.exposed_in(types, applied, hides)
    if exposed:
        message = say(
            "This snapshot holds personal fields that you do not see: %(paths)s. Nothing was read. Make a new one, "
            "which leaves them out, or ask somebody who sees them.",
            paths=", ".join(f"{path} ({name})" for name, path in exposed),
        )
        raise PersonalWithheld(message)


async def list_personal(hot: Hot, project_id: UUID) -> dict[str, tuple[str, ...]]:
    """List the paths that the item types of a project call personal, by type."""
    return _personal_in(await queries.list_types(hot, project_id))


def _personal_in(types: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: paths for name, each in types.items() if (paths := personal_of(each))}
