"""The secrets that deliveries are signed with, opened once per process."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from review.delivery.webhooks import queries, signing
from review.delivery.webhooks.signing import Kind, NewSecret, Sign
from review.kernel.db import Hot
from review.kernel.ids import new_id
from review.kernel.sealing import Sealer, SecretUnreadable

KEPT = 2_000


class Keyring:
    """Signers by the id of their secret; a secret never changes, and whether it still counts is asked elsewhere."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._signers: OrderedDict[UUID, Sign] = OrderedDict()

    async def load(self, hot: Hot, keys: Sequence[tuple[UUID, UUID]]) -> None:
        """Open those of these secrets (project, secret) that are not open yet; what cannot be opened is left out."""
        unknown = [key for key in keys if key[1] not in self._signers]
        if not unknown:
            return
        for secret_id, sealed in (await queries.list_sealed(hot, unknown)).items():
            try:
                self._signers[secret_id] = signing.signer(self._sealer.unseal(sealed))
            except SecretUnreadable:
                continue
        while len(self._signers) > KEPT:
            self._signers.popitem(last=False)

    def signers(self, ids: Sequence[UUID]) -> tuple[Sign, ...]:
        """Give what signs with these secrets, as far as they could be opened."""
        return tuple(self._signers[each] for each in ids if each in self._signers)


async def make_secret(
    hot: Hot, project_id: UUID, endpoint_id: UUID, *, kind: Kind, sealer: Sealer, shown: bool
) -> tuple[UUID, NewSecret]:
    """Make and store a secret of an endpoint whose row is locked."""
    made, secret_id = signing.new_secret(kind), new_id()
    stored = (secret_id, kind.value, sealer.seal(made.secret), made.public_key, shown)
    await queries.add_secret(hot, project_id, endpoint_id, stored)
    return secret_id, made
