"""An agent whose dangerous tools ask first: what the model wants to call is approved, corrected or rejected by people.

It fits any loop in which a model names a tool and its arguments; nothing here depends on one library.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from countersign_client import Client, CountersignError, NotDecided, Rejected, gated


@dataclass(frozen=True)
class Call:
    """A tool and the arguments that the model wants to call it with."""

    tool: str
    arguments: dict[str, Any]


def _shown(call_id: str, call: Call, why: str) -> dict[str, str]:
    return {"why": why}


def _id_of(call_id: str, call: Call, why: str) -> str:
    return call_id


class Toolbox:
    """Runs the tools that a model asks for, the dangerous ones only as people let it."""

    def __init__(
        self,
        client: Client,
        tools: Mapping[str, Callable[..., str]],
        *,
        needs_approval: frozenset[str],
        timeout: float = 900.0,
    ) -> None:
        self._tools = tools
        self._needs_approval = needs_approval

        @gated(
            client,
            type="tool_call",
            timeout=timeout,
            input=_shown,
            external_id=_id_of,
            withdraw_late=True,
        )
        def approved(call_id: str, call: Call, why: str) -> Call:
            return call

        self._approved = approved

    def run(self, call_id: str, call: Call, *, why: str) -> str:
        """Run a call and give the model its result; a refusal is a result too, which the model can plan around.

        `call_id` is the model's own id of the call: a loop that crashed and starts again asks for the same approval.
        """
        if call.tool not in self._tools:
            return f"There is no tool {call.tool}."
        if call.tool in self._needs_approval:
            try:
                allowed = self._approved(call_id, call, why)
            except Rejected as no:
                return f"A person refused this call. {no.item.outcome.comment}".strip()
            except NotDecided:
                return "Nobody approved this call in time; it was not made."
            except CountersignError as fault:
                return f"This call needs an approval, which cannot be had now ({fault}); it was not made."
            if allowed.tool not in self._tools:
                return f"There is no tool {allowed.tool}."
            call = allowed
        return self._tools[call.tool](**call.arguments)
