"""The chart of a simulation as SVG: per pool what comes and goes, what waits, how busy people are; then the table."""

from collections.abc import Sequence

from review.cli.simulate import words
from review.cli.simulate.plot import INK, LEFT, PALE, WIDTH, Panel, label, tag, written
from review.escalation.simulation.report import Hour, Report

MAIN, ALARM = "#2f6f9f", "#b3261e"
_FLOW, _LEVELS, _BUSY, _GAP = 110, 110, 60, 26  # heights of the three panels of a pool, and what is between
_POOL = _FLOW + _LEVELS + _BUSY + 3 * _GAP + 58
_ROW = 16
_COLUMNS = (
    *(("hour", 20, "start"), ("pool", 130, "start"), ("arrived", 400, "end"), ("moved in", 470, "end")),
    *(("decided", 540, "end"), ("breached", 640, "end"), ("waiting", 710, "end"), ("overdue", 780, "end")),
    *(("people", 850, "end"), ("busy", 930, "end")),
)


def chart_of(made: Report) -> str:
    """Draw a report; the same report gives the same text."""
    told = [words.title(made), *words.verdict(made)]
    by_pool = {pool.pool: [hour for hour in made.hours if hour.pool == pool.pool] for pool in made.pools}
    shown = {name: hours for name, hours in by_pool.items() if not all(hour.is_quiet for hour in hours)}
    top = 64.0
    drawn = [label(made.project, 20, 28, font_size=18, font_weight="bold"), label(told[0], 20, 48, fill=INK)]
    for name, hours in shown.items():
        drawn.append(_pool(made, name, hours, top))
        top += _POOL
    rows = [hour for hour in made.hours if not hour.is_quiet]
    drawn.append(_table(made, rows, top))
    height = top + 60 + _ROW * len(rows)
    described = tag("title", written(told[0])) + tag("desc", written(" ".join(told[1:])))
    ground = tag("rect", width=WIDTH, height=height, fill="#ffffff")
    attributes: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {WIDTH} {height:g}",
        "width": WIDTH,
        "height": height,
        "role": "img",
        "font_family": "system-ui, sans-serif",
        "font_size": 12,
        "fill": INK,
    }
    body = "\n".join((described, ground, *drawn, ""))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tag("svg", body, **attributes)}\n'


def _pool(made: Report, name: str, hours: Sequence[Hour], top: float) -> str:
    titles = [words.hour(made, hour.begins) for hour in hours]
    flow = Panel(top + 34, _FLOW, len(hours), max(max(hour.arrived, hour.decided) for hour in hours), "items per hour")
    levels_top = top + 34 + _FLOW + _GAP
    most = max(max(hour.waiting, hour.overdue) for hour in hours)
    levels = Panel(levels_top, _LEVELS, len(hours), most, "at hour's end")
    busy_top = levels_top + _LEVELS + _GAP
    busy = Panel(busy_top, _BUSY, len(hours), 100, "% busy")
    arrived = [f"{title}: {hour.arrived} arrived" for title, hour in zip(titles, hours, strict=True)]
    decided = [f"{title}: {hour.decided} decided" for title, hour in zip(titles, hours, strict=True)]
    return "".join(
        (
            label(f"Pool {name}", 20, top + 16, font_size=15, font_weight="bold"),
            _key(top + 16),
            flow.frame(),
            flow.bars([hour.arrived for hour in hours], arrived, PALE, side=0),
            flow.bars([hour.decided for hour in hours], decided, MAIN, side=1),
            levels.frame(),
            levels.stairs([hour.waiting for hour in hours], MAIN, fill=MAIN),
            levels.stairs([hour.overdue for hour in hours], ALARM, dashes="5 3"),
            busy.frame(),
            busy.stairs([100 * (hour.utilisation or 0) for hour in hours], INK, fill=PALE),
            _hours(made, busy, hours, busy_top + _BUSY),
        )
    )


def _key(y: float) -> str:
    """Explain colours and lines; each is told apart without its colour too."""
    return "".join(
        (
            tag("rect", x=380, y=y - 9, width=10, height=10, fill=PALE) + label("arrived (left bar)", 395, y),
            tag("rect", x=510, y=y - 9, width=10, height=10, fill=MAIN) + label("decided (right bar)", 525, y),
            tag("line", x1=650, x2=675, y1=y - 4, y2=y - 4, stroke=MAIN, stroke_width=2),
            label("waiting (solid)", 680, y),
            tag("line", x1=780, x2=805, y1=y - 4, y2=y - 4, stroke=ALARM, stroke_width=2, stroke_dasharray="5 3"),
            label("overdue (dashed)", 810, y),
        )
    )


def _hours(made: Report, panel: Panel, hours: Sequence[Hour], foot: float) -> str:
    """Name the hours below the lowest panel, so many as there is room for, and the axis."""
    every = max(1, -(-len(hours) // 12))
    drawn = [
        label(words.hour(made, hour.begins), panel.x(slot), foot + 16, text_anchor="middle")
        for slot, hour in enumerate(hours)
        if slot % every == 0
    ]
    middle = LEFT + (panel.x(len(hours)) - LEFT) / 2
    return "".join((*drawn, label(f"local time ({made.timezone})", middle, foot + 34, text_anchor="middle")))


def _table(made: Report, rows: Sequence[Hour], top: float) -> str:
    heads = [label(name, x, top + 38, text_anchor=side, font_weight="bold") for name, x, side in _COLUMNS]
    drawn = [label("The same in figures; waiting and overdue as the hour ends", 20, top + 18, font_size=15), *heads]
    for at, hour in enumerate(rows):
        counts = (hour.arrived, hour.moved_in, hour.decided, hour.breached, hour.waiting, hour.overdue)
        cells = (words.hour(made, hour.begins), hour.pool, *(f"{count:,}" for count in counts))
        figures = (*cells, f"{hour.people:g}", words.share(hour.utilisation))
        y = top + 56 + _ROW * at
        drawn += [label(text, x, y, text_anchor=side) for text, (_, x, side) in zip(figures, _COLUMNS, strict=True)]
    return "\n".join(drawn)
