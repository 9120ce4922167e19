"""G16: what a thousand rules cost intake, beside one."""

from collections.abc import Iterator
from itertools import count

import msgspec

from benchmarks.load import drive, post
from benchmarks.material import CONFIG, Project, make_project, submission
from benchmarks.rounds import Effort, Rounds, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line

WORKERS = 32
RULES = 1_000
THEN = "then: {review: triage, sla: standard}"
LAST = f"  - {{name: rest, when: 'true', {THEN}}}\n"


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Submit the same items over HTTP to a version of one rule and to one of a thousand, which all send to one pool.

    Of the thousand, the first takes an item, any of them (each as often), or the last, which takes what is left.
    """
    async with stage.database() as settings:
        one = await make_project(settings, document("one", 1), name="one")
        many = await make_project(settings, document("many", RULES), name="many")
        async with stage.web(settings) as address:

            async def submit(project: Project, bodies: Iterator[bytes]) -> float:
                answered = await drive(
                    address,
                    lambda: post("/api/v1/items", project.key, next(bodies)),
                    connections=WORKERS,
                    seconds=effort.seconds,
                )
                return answered.rate(201)

            sent = {"first": bodies_of("f", 0), "any": bodies_of("a", None), "last": bodies_of("l", RULES)}
            plain = bodies_of("p", None)
            for project in (one, many):
                await submit(project, plain)
            rounds = await take_turns(
                lambda: submit(one, plain),
                {
                    "first": lambda: submit(many, sent["first"]),
                    "any": lambda: submit(many, sent["any"]),
                    "last": lambda: submit(many, sent["last"]),
                },
                effort.pairs,
            )
    return [
        _line("the first of 1,000 rules takes each item", rounds, "first", None),
        _line("any of 1,000 rules takes an item", rounds, "any", 0.9),
        _line("the last of 1,000 rules takes each item", rounds, "last", None),
    ]


def document(project: str, rules: int) -> str:
    """Write a document of so many rules, the last of which takes what is left."""
    head = CONFIG.partition("rules:\n")[0].replace("project: bench", f"project: {project}")
    named = (
        f"  - {{name: desk-{number}, when: 'item.metadata.desk == \"desk-{number}\"', {THEN}}}\n"
        for number in range(rules - 1)
    )
    return f"{head}rules:\n{''.join(named)}{LAST}"


def bodies_of(run: str, desk: int | None) -> Iterator[bytes]:
    """Write submission after submission for one desk, or for one desk after another."""
    before, middle, after = msgspec.json.encode(submission(0, run) | {"metadata": {"desk": "desk-\uffff"}}).partition(
        "\uffff".encode()
    )
    del middle
    name, rest = before.split(f"{run}-0".encode())
    for number in count():
        # 7 and a thousand have no divisor in common, so every desk has its turn, far from the one before.
        to = number * 7 % RULES if desk is None else desk
        yield b"%b%b-%d%b%d%b" % (name, run.encode(), number, rest, to, after)


def _line(what: str, rounds: Rounds, subject: str, bound: float | None) -> Line:
    return Line(
        goal="G16",
        what=f"HTTP single intake, {what}",
        against="a version of one rule",
        values=rounds.ratios(subject),
        bound=bound,
        control=rounds.control,
        seen=f"{max(rounds.subjects[subject]):,.0f} of {max(rounds.baseline):,.0f} /s at best",
    )
