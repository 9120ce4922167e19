"""Refusals about backtests."""

from review.kernel.errors import Invalid, NotFound, ReviewError


class BacktestInvalid(Invalid):
    """What was asked for cannot be rehearsed."""

    code = "backtest_invalid"


class BacktestNotFound(NotFound):
    """The project has no such backtest."""

    code = "backtest_not_found"


class BacktestOver(ReviewError):
    """The backtest has ended, so it cannot be stopped any more."""

    code = "backtest_over"
    status = 409


class TooManyBacktests(ReviewError):
    """As many backtests as a project may have under way are under way."""

    code = "too_many_backtests"
    status = 409
