"""Starting again with growing patience, on a service that only pretends."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.embedded.errors import ServerFailed
from review.embedded.supervisor import Patience, Program, how_ended, keep_alive

NO_PAUSE = Patience(deaths=4, first_delay=timedelta(0))


class Mortal:
    """Ends as soon as it has started, and may refuse to start again."""

    name = "mortal"

    def __init__(self, *, refuses: bool = False) -> None:
        self.starts = 0
        self.refuses = refuses

    async def start(self) -> None:
        self.starts += 1
        if self.refuses:
            message = "no more"
            raise ServerFailed(message)

    async def ended(self) -> str:
        return "exit status 3"

    async def stop(self, within: timedelta) -> None:
        raise AssertionError(within)

    def stop_now(self) -> None:
        raise AssertionError


@pytest.mark.parametrize(("refuses", "reason"), [(False, "exit status 3"), (True, "no more")])
async def test_it_gives_up_after_so_many_deaths_in_a_row(*, refuses: bool, reason: str) -> None:
    service = Mortal(refuses=refuses)
    said: list[str] = []
    with pytest.raises(ServerFailed, match=rf"mortal ended 4 times in a row, and was given up \({reason}\)"):
        await keep_alive(service, NO_PAUSE, said.append)
    assert service.starts == 3
    assert len(said) == 3


async def test_a_long_life_is_forgiven() -> None:
    service = Mortal()
    said: list[str] = []

    def enough(text: str) -> None:
        said.append(text)
        if len(said) == 50:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await keep_alive(service, Patience(deaths=2, quick=timedelta(0), first_delay=timedelta(0)), enough)


@given(st.integers(min_value=1, max_value=60))
def test_pauses_double_up_to_a_limit(death: int) -> None:
    patience = Patience()
    assert patience.first_delay <= patience.delay(death) <= patience.longest_delay
    assert patience.delay(death + 1) == min(patience.delay(death) * 2, patience.longest_delay)


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (2, "exit status 2"), (-9, "killed by SIGKILL"), (-99, "signal 99")]
)
def test_how_it_ended_is_put_into_words(status: int, words: str) -> None:
    assert words in how_ended(status)


async def test_a_program_that_never_started_stops_at_once() -> None:
    program = Program("nothing", ("true",))
    await program.stop(timedelta(0))
    assert await program.ended() == "never started"
