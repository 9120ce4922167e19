import re
from pathlib import Path

from review.datasets.formats import columns
from review.datasets.formats.fitting import DECLARED

PAGE = Path(__file__).parents[2] / "docs" / "feedback.md"


def test_the_page_on_feedback_names_every_column() -> None:
    table = PAGE.read_text().partition("## A record")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)[`.]", row)}

    assert named == set(columns.ORDER)
    assert set(DECLARED) == set(columns.ORDER)
