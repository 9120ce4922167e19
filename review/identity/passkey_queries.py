"""Every statement on passkeys and their challenges."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.models import Passkey


async def is_session_younger(tx: AsyncSession, session: bytes, span: timedelta) -> bool:
    """Tell whether a session began less than so long ago."""
    found = text("SELECT created_at > now() - :span ::interval FROM sessions WHERE id = :id")
    return bool(await tx.scalar(found, {"id": session, "span": span}))


async def store_challenge(
    tx: AsyncSession, cookie: bytes, challenge: bytes, user_id: UUID | None, lifetime: timedelta
) -> None:
    """Keep a challenge under the hash of a browser's cookie; of nobody, it is one to sign in with."""
    await tx.execute(
        text(
            "INSERT INTO passkey_challenges (id, user_id, challenge, expires_at)"
            " VALUES (:id, :user, :challenge, now() + :lifetime ::interval)"
        ),
        {"id": cookie, "user": user_id, "challenge": challenge, "lifetime": lifetime},
    )


async def take_challenge(tx: AsyncSession, cookie: bytes, user_id: UUID | None) -> bytes | None:
    """Use up the challenge of a browser, if it was made for this person and has not run out."""
    taken: bytes | None = await tx.scalar(
        text(
            "DELETE FROM passkey_challenges WHERE id = :id AND user_id IS NOT DISTINCT FROM :user ::uuid"
            " AND expires_at > now() RETURNING challenge"
        ),
        {"id": cookie, "user": user_id},
    )
    return taken


async def list_passkeys(tx: AsyncSession, user_id: UUID) -> list[Mapping[str, Any]]:
    """List a person's passkeys by age; `mark` names one in forms."""
    rows = await tx.execute(
        text(
            "SELECT id, encode(sha256(id), 'hex') AS mark, name, created_at, last_used_at FROM passkeys"
            " WHERE user_id = :user ORDER BY created_at, id"
        ),
        {"user": user_id},
    )
    return [dict(row) for row in rows.mappings()]


async def find_owner(tx: AsyncSession, passkey: bytes, devices: Sequence[bytes], fresh: timedelta) -> Any:
    """Find whose passkey this is, with their e-mail, and which of these devices is theirs."""
    found = await tx.execute(
        text(
            "SELECT u.id, u.email, p.public_key, d.id AS device FROM passkeys p JOIN users u ON u.id = p.user_id"
            " LEFT JOIN known_devices d"
            " ON d.user_id = u.id AND d.id = ANY(:devices ::bytea[]) AND d.last_used_at > now() - :fresh ::interval"
            " WHERE p.id = :id ORDER BY d.last_used_at DESC NULLS LAST LIMIT 1"
        ),
        {"id": passkey, "devices": list(devices), "fresh": fresh},
    )
    return found.mappings().one_or_none()


async def lock_passkey(tx: AsyncSession, passkey: bytes) -> Passkey | None:
    """Lock a passkey and give it as it stands now."""
    return await tx.get(Passkey, passkey, with_for_update=True, populate_existing=True)


async def store_passkey(tx: AsyncSession, passkey: Passkey) -> bool:
    """Keep a new passkey; tells whether nobody had it before."""
    stored = await tx.scalar(
        text(
            "INSERT INTO passkeys (id, user_id, public_key, sign_count, name)"
            " VALUES (:id, :user, :key, :count, :name) ON CONFLICT (id) DO NOTHING RETURNING 1"
        ),
        {
            "id": passkey.id,
            "user": passkey.user_id,
            "key": passkey.public_key,
            "count": passkey.sign_count,
            "name": passkey.name,
        },
    )
    return stored is not None


async def delete_passkey(tx: AsyncSession, user_id: UUID, mark: str) -> str | None:
    """Forget one of a person's passkeys; gives its name, or None where it is gone already."""
    gone: str | None = await tx.scalar(
        text("DELETE FROM passkeys WHERE user_id = :user AND encode(sha256(id), 'hex') = :mark RETURNING name"),
        {"user": user_id, "mark": mark},
    )
    return gone
