"""Every statement on accounts: who signs in, sessions, devices, links, second factors."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.models import RecoveryCode, SecondFactor, User


async def find_account(tx: AsyncSession, email: str, devices: Sequence[bytes], fresh: timedelta) -> Any:
    """Find whose e-mail this is, what is stored of their password, and which of these devices is theirs."""
    found = await tx.execute(
        text(
            "SELECT u.id, u.password_hash, d.id AS device FROM users u"
            " LEFT JOIN known_devices d"
            " ON d.user_id = u.id AND d.id = ANY(:devices ::bytea[]) AND d.last_used_at > now() - :fresh ::interval"
            " WHERE u.email = :email ORDER BY d.last_used_at DESC NULLS LAST LIMIT 1"
        ),
        {"email": email, "devices": list(devices), "fresh": fresh},
    )
    return found.mappings().one_or_none()


async def find_device(tx: AsyncSession, user_id: UUID, devices: Sequence[bytes], fresh: timedelta) -> bytes | None:
    """Find which of these devices is the person's, the last used first."""
    device: bytes | None = await tx.scalar(
        text(
            "SELECT id FROM known_devices WHERE user_id = :user AND id = ANY(:devices ::bytea[])"
            " AND last_used_at > now() - :fresh ::interval ORDER BY last_used_at DESC LIMIT 1"
        ),
        {"user": user_id, "devices": list(devices), "fresh": fresh},
    )
    return device


async def lock_user(tx: AsyncSession, user_id: UUID) -> User:
    """Lock a person's row and give it as it stands now."""
    return await tx.get_one(User, user_id, with_for_update=True, populate_existing=True)


async def has_password(tx: AsyncSession, user_id: UUID) -> bool:
    """Tell whether a person can sign in with a password."""
    return bool(
        await tx.scalar(text("SELECT password_hash IS NOT NULL FROM users WHERE id = :user"), {"user": user_id})
    )


async def list_places(tx: AsyncSession, user_id: UUID) -> tuple[str, list[UUID]]:
    """Give a person's e-mail, and the projects they are in."""
    rows = await tx.execute(
        text(
            "SELECT u.email, m.project_id FROM users u LEFT JOIN memberships m ON m.user_id = u.id"
            " WHERE u.id = :user ORDER BY m.project_id"
        ),
        {"user": user_id},
    )
    found = rows.all()
    return (str(found[0].email), [row.project_id for row in found if row.project_id is not None]) if found else ("", [])


async def list_tokens(tx: AsyncSession, user_id: UUID) -> list[Mapping[str, Any]]:
    """List a person's tokens that were not revoked, by project and age; never their secrets."""
    rows = await tx.execute(
        text(
            "SELECT p.slug AS project, k.name, k.prefix, k.created_at, k.expires_at,"
            " coalesce(k.expires_at <= now(), false) AS is_expired FROM api_keys k"
            " JOIN projects p ON p.id = k.project_id WHERE k.user_id = :user AND k.revoked_at IS NULL"
            " ORDER BY p.slug, k.created_at LIMIT 200"
        ),
        {"user": user_id},
    )
    return [dict(row) for row in rows.mappings()]


# --- sessions


async def list_sessions(tx: AsyncSession, user_id: UUID, idle: timedelta) -> Sequence[Mapping[str, Any]]:
    """List a person's sessions that are still good, the last used first."""
    rows = await tx.execute(
        text(
            "SELECT id, user_agent, origin, method, provider, created_at, last_seen_at FROM sessions"
            " WHERE user_id = :user AND expires_at > now() AND last_seen_at > now() - :idle ::interval"
            " ORDER BY last_seen_at DESC, created_at DESC"
        ),
        {"user": user_id, "idle": idle},
    )
    return [dict(row) for row in rows.mappings()]


async def delete_sessions(
    tx: AsyncSession, user_id: UUID, *, only: bytes | None = None, sparing: bytes | None = None
) -> int:
    """End a person's sessions, or only one, or all but one; gives how many there were."""
    rows = await tx.execute(
        text(
            "DELETE FROM sessions WHERE user_id = :user AND (:only ::bytea IS NULL OR id = :only)"
            " AND (:sparing ::bytea IS NULL OR id <> :sparing) RETURNING 1"
        ),
        {"user": user_id, "only": only, "sparing": sparing},
    )
    return len(rows.all())


async def delete_steps(tx: AsyncSession, user_id: UUID) -> None:
    """Let go of a person's sign-ins that are half done."""
    await tx.execute(text("DELETE FROM sign_in_steps WHERE user_id = :user"), {"user": user_id})


# --- devices


async def touch_device(tx: AsyncSession, user_id: UUID, device: bytes) -> None:
    """Note that a person signed in with a device, known or new."""
    await tx.execute(
        text(
            "INSERT INTO known_devices (user_id, id) VALUES (:user, :id)"
            " ON CONFLICT (user_id, id) DO UPDATE SET last_used_at = now()"
        ),
        {"user": user_id, "id": device},
    )


async def delete_devices(tx: AsyncSession, user_id: UUID, *, keep: int, sparing: bytes | None = None) -> None:
    """Forget a person's devices but the last used `keep`, and one that is spared."""
    await tx.execute(
        text(
            "DELETE FROM known_devices WHERE user_id = :user AND (:sparing ::bytea IS NULL OR id <> :sparing)"
            " AND id NOT IN (SELECT id FROM known_devices WHERE user_id = :user ORDER BY last_used_at DESC LIMIT :keep)"
        ),
        {"user": user_id, "keep": keep, "sparing": sparing},
    )


# --- links


async def store_link(tx: AsyncSession, link: bytes, user_id: UUID, lifetime: timedelta) -> None:
    """Keep the hash of a link."""
    await tx.execute(
        text("INSERT INTO password_links (id, user_id, expires_at) VALUES (:id, :user, now() + :lifetime ::interval)"),
        {"id": link, "user": user_id, "lifetime": lifetime},
    )


async def find_link(tx: AsyncSession, link: bytes) -> Any:
    """Find whose link this is, if it is good and they are not disabled; says whether they have a password yet."""
    found = await tx.execute(
        text(
            "SELECT u.id, u.email, u.password_hash IS NOT NULL AS has_password FROM password_links l"
            " JOIN users u ON u.id = l.user_id WHERE l.id = :id AND l.expires_at > now() AND u.disabled_at IS NULL"
        ),
        {"id": link},
    )
    return found.mappings().one_or_none()


async def delete_links(tx: AsyncSession, user_id: UUID) -> int:
    """Void every link of a person; gives how many there were."""
    rows = await tx.execute(text("DELETE FROM password_links WHERE user_id = :user RETURNING 1"), {"user": user_id})
    return len(rows.all())


# --- second factors


async def find_factor(tx: AsyncSession, user_id: UUID, *, lock: bool = False) -> SecondFactor | None:
    """Find a person's second factor, confirmed or not yet."""
    return await tx.get(SecondFactor, user_id, populate_existing=True, with_for_update=lock)


async def store_factor(tx: AsyncSession, user_id: UUID, secret: bytes) -> None:
    """Begin a second factor, in the place of one that was never confirmed."""
    await tx.execute(
        text(
            "INSERT INTO second_factors AS f (user_id, secret) VALUES (:user, :secret) ON CONFLICT (user_id) DO UPDATE"
            " SET secret = excluded.secret, created_at = now(), last_step = NULL WHERE f.confirmed_at IS NULL"
        ),
        {"user": user_id, "secret": secret},
    )


async def take_step(tx: AsyncSession, user_id: UUID, step: int) -> bool:
    """Use up a time step and all before it; tells whether it was still to be used."""
    taken = await tx.scalar(
        text(
            "UPDATE second_factors SET last_step = :step, confirmed_at = coalesce(confirmed_at, now())"
            " WHERE user_id = :user AND (last_step IS NULL OR last_step < :step) RETURNING 1"
        ),
        {"user": user_id, "step": step},
    )
    return taken is not None


async def get_step(tx: AsyncSession, seconds: int) -> int:
    """Give the time step of now, by the database's clock."""
    return int(
        await tx.scalar(text("SELECT floor(extract(epoch FROM now()) / :seconds)::bigint"), {"seconds": seconds}) or 0
    )


async def store_recovery_codes(tx: AsyncSession, user_id: UUID, codes: Sequence[bytes]) -> None:
    """Keep the hashes of new recovery codes in the place of all earlier ones."""
    await tx.execute(text("DELETE FROM recovery_codes WHERE user_id = :user"), {"user": user_id})
    tx.add_all([RecoveryCode(user_id=user_id, id=code) for code in codes])
    await tx.flush()


async def take_recovery_code(tx: AsyncSession, user_id: UUID, code: bytes) -> bool:
    """Use a recovery code up; tells whether there was one to use."""
    taken = await tx.scalar(
        text(
            "UPDATE recovery_codes SET used_at = now() WHERE user_id = :user AND id = :id AND used_at IS NULL"
            " RETURNING 1"
        ),
        {"user": user_id, "id": code},
    )
    return taken is not None


async def count_recovery_codes(tx: AsyncSession, user_id: UUID) -> int:
    """Count a person's recovery codes that are left."""
    return int(
        await tx.scalar(
            text("SELECT count(*) FROM recovery_codes WHERE user_id = :user AND used_at IS NULL"), {"user": user_id}
        )
        or 0
    )


async def delete_factor(tx: AsyncSession, user_id: UUID) -> bool:
    """Forget a person's second factor and recovery codes; tells whether there was one that counted."""
    await tx.execute(text("DELETE FROM recovery_codes WHERE user_id = :user"), {"user": user_id})
    gone = await tx.execute(
        text("DELETE FROM second_factors WHERE user_id = :user RETURNING confirmed_at"), {"user": user_id}
    )
    return any(row.confirmed_at is not None for row in gone)


# --- sign-ins that are half done


async def store_step(tx: AsyncSession, step: bytes, user_id: UUID, kind: str, lifetime: timedelta) -> None:
    """Keep the hash of a half-done sign-in's cookie."""
    await tx.execute(
        text(
            "INSERT INTO sign_in_steps (id, user_id, kind, expires_at)"
            " VALUES (:id, :user, :kind, now() + :lifetime ::interval)"
        ),
        {"id": step, "user": user_id, "kind": kind, "lifetime": lifetime},
    )


async def find_step(tx: AsyncSession, step: bytes) -> Any:
    """Find a half-done sign-in that has not run out and whose person is not disabled."""
    found = await tx.execute(
        text(
            "SELECT s.user_id, s.kind, u.email FROM sign_in_steps s JOIN users u ON u.id = s.user_id"
            " WHERE s.id = :id AND s.expires_at > now() AND u.disabled_at IS NULL"
        ),
        {"id": step},
    )
    return found.mappings().one_or_none()


async def take_sign_in_step(tx: AsyncSession, step: bytes) -> bool:
    """Use a half-done sign-in up; tells whether it was still there."""
    return await tx.scalar(text("DELETE FROM sign_in_steps WHERE id = :id RETURNING 1"), {"id": step}) is not None


# --- what has run out


async def delete_run_out(tx: AsyncSession, devices_after: timedelta) -> None:
    """Delete links, half-done sign-ins and challenges that have run out, unused devices, factors never confirmed."""
    await tx.execute(text("DELETE FROM password_links WHERE expires_at <= now()"))
    await tx.execute(text("DELETE FROM sign_in_steps WHERE expires_at <= now()"))
    await tx.execute(text("DELETE FROM passkey_challenges WHERE expires_at <= now()"))
    await tx.execute(
        text("DELETE FROM known_devices WHERE last_used_at <= now() - :after ::interval"), {"after": devices_after}
    )
    await tx.execute(
        text("DELETE FROM second_factors WHERE confirmed_at IS NULL AND created_at <= now() - interval '1 day'")
    )
