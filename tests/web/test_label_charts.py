"""Labels drawn: few bars however long the time, days of the reader, and every record counted once."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from review.datasets.selections import courses
from review.datasets.selections.courses import Courses, leading
from review.datasets.snapshots.schemas import Labels
from review.web.pages import label_charts

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_days_are_those_of_the_reader_where_bins_allow_it_and_of_utc_where_not() -> None:
    late = datetime(2026, 11, 21, 23, 50, tzinfo=UTC)
    made = Courses(["a"])
    for days in range(3):
        made.add(late + timedelta(days=days), "a")
    narrow = made.course()
    number = int(late.timestamp()) // 21_600
    wide = courses.Course(width=21_600, names=["a"], bins=[(number + 4 * at, 1, 0) for at in (0, 1)])

    berlin = label_charts.over_time(narrow, ZoneInfo("Europe/Berlin"))
    utc = label_charts.over_time(wide, ZoneInfo("Europe/Berlin"))
    kathmandu = label_charts.over_time(narrow, ZoneInfo("Asia/Kathmandu"))

    assert berlin is not None
    assert (berlin.zone, berlin.periods[0], berlin.periods[-1]) == ("Europe/Berlin", "2026-11-22", "2026-11-24")
    assert utc is not None
    assert (utc.zone, utc.periods[0]) == ("UTC", "2026-11-21")
    assert kathmandu is not None
    assert kathmandu.periods[0] == "2026-11-22"


def test_however_long_the_time_a_chart_has_few_bars_and_the_rest_of_the_classes_in_one_line() -> None:
    for days, kind in ((2, "day"), (60, "day"), (61, "week"), (400, "week"), (800, "month"), (4_000, "year")):
        classes = Counter({f"c{at}": 20 - at for at in range(20)})
        made = Courses(leading(classes))
        for name, count in classes.items():
            for at in range(count):
                made.add(NOON + timedelta(days=at * days / 19), name)
        chart = label_charts.over_time(made.course(), UTC)
        assert chart is not None
        assert (chart.kind, len(chart.periods) <= label_charts.MOST_BARS) == (kind, True)
        assert [row.name for row in chart.rows] == [*leading(classes), None]
        assert sum(total for _, _, total in chart.table) == classes.total()
        assert all(sum(counts) == total for _, counts, total in chart.table)
        assert all(0 <= bar.y <= 100 and bar.height <= 100 for row in chart.rows for bar in row.bars)
    assert label_charts.over_time(courses.Course(width=900, names=[], bins=[]), UTC) is None


def test_from_snapshot_to_snapshot_shares_are_of_each_one_and_gone_classes_are_among_the_others() -> None:
    chart = label_charts.over_snapshots(
        [
            Labels(number=1, records=10, classes={"a": 5, "gone": 5}),
            Labels(number=3, records=4, classes={"a": 3, "b": 1}),
        ]
    )
    assert chart is not None
    assert chart.table == [("1", [5, 0, 5], 10), ("3", [3, 1, 0], 4)]
    assert [row.name for row in chart.rows] == ["a", "b", None]
    assert label_charts.over_snapshots([Labels(number=1, records=1, classes={"a": 1})]) is None
