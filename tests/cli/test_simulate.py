"""`review simulate`: what it prints, what it writes, and what it refuses; the same input gives the same bytes."""

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from click.testing import CliRunner, Result

from review.cli.main import main
from review.cli.simulate.chart import chart_of
from review.cli.simulate.plot import label
from review.escalation.simulation.report import Report
from review.escalation.simulation.scenario import Crew, Rate
from tests.escalation.scenes import ALWAYS, HOUR, play, policy, scene
from tests.house.source import REPOSITORY

MONDAY = REPOSITORY / "docs" / "monday.yaml"
ASKED = (
    "--arrivals",
    "400/day",
    "--staff",
    "triage=2",
    "--staff",
    "seniors=1",
    "--handling",
    "3m",
    "--on",
    "2026-11-23",
)
SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments: str | Path, url: str = "", stdin: str | None = None) -> Result:
    env = {"REVIEW_DATABASE_URL": url or None, "REVIEW_DATA_DIR": None}
    return CliRunner(env=env).invoke(main, ["simulate", *map(str, arguments)], input=stdin)


def test_the_first_thing_a_lead_types_works() -> None:
    support = REPOSITORY / "docs" / "support.yaml"
    staff = ("--staff", "triage=4", "--staff", "seniors=1")
    done = run(support, "--arrivals", "400/day", *staff, "--handling", "2m", "--on", "2026-11-23")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("support: Monday 2026-11-23")
    for part in ("All together", "By pool", "By hour", "Reviews waiting as the hour ends", "Assumed"):
        assert part in done.stdout


def test_it_says_where_fewer_people_work_than_reviews_are_asked_for(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    written = """
        staff: {triage: 2, seniors: 1}
        mix: [{pool: triage, policy: standard, share: 80}, {pool: seniors, share: 20, reviews: 2}]
        on: 2026-11-23
        days: 2
    """
    plan.write_text(written)
    told = "Items of seniors that ask for 2 reviews stay open: each takes different people, and 1 person works there."
    done = run(MONDAY, "--plan", plan)
    assert done.exit_code == 0, done.stderr
    assert told in " ".join(done.stdout.split())
    assert re.search(r"standard .* Mon 23 Nov \d\d:\d\d .* \w{3} \d\d Nov", done.stdout), "days are told by date"
    plan.write_text(written.replace("seniors: 1", "seniors: 2"))
    assert "stay open" not in run(MONDAY, "--plan", plan).stdout


def test_the_documentation_shows_what_it_prints() -> None:
    page = (REPOSITORY / "docs" / "simulate.md").read_text()
    command, shown = re.findall(r"```sh\n(review simulate docs/monday\.yaml.*?)```\n+```\n(.*?)```", page, re.DOTALL)[0]
    arguments = command.replace("\\\n", " ").split()[2:]
    done = run(*(REPOSITORY / each if each.startswith("docs/") else each for each in arguments))
    assert done.exit_code == 0, done.stderr
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    for part in shown.strip().split("\n[…]\n"):
        lines = part.strip("\n").splitlines()
        at = printed.index(lines[0])
        assert printed[at : at + len(lines)] == lines


def test_the_same_input_gives_the_same_bytes_whatever_the_process(tmp_path: Path) -> None:
    found: set[bytes] = set()
    for seed in ("1", "2"):
        chart = tmp_path / f"{seed}.svg"
        command = [
            sys.executable,
            "-m",
            "review.cli.main",
            "simulate",
            str(MONDAY),
            *ASKED,
            "--json",
            "--chart",
            str(chart),
        ]
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo" if seed == "2" else "UTC"}
        done = subprocess.run(command, check=True, capture_output=True, env=env, cwd=REPOSITORY)
        found.add(done.stdout + chart.read_bytes())
    assert len(found) == 1
    assert run(MONDAY, *ASKED, "--json", "--seed", "2").stdout_bytes not in found


def test_json_has_everything() -> None:
    done = run(MONDAY, *ASKED, "--json")
    made = msgspec.json.decode(done.stdout, type=Report)
    assert (made.project, made.timezone, made.seed) == ("cards", "Europe/Berlin", 1)
    assert len(made.hours) == 48
    assert made.begins.isoformat() == "2026-11-23T00:00:00+01:00"
    assert made.totals.arrived == sum(hour.arrived for hour in made.hours) > 300
    assert (made.steps[0].after, made.steps[0].notified) == ("80%", made.steps[0].taken)


def test_the_chart_is_xml_with_named_axes_and_the_table_behind_it(tmp_path: Path) -> None:
    chart = tmp_path / "day.svg"
    assert run(MONDAY, *ASKED, "--chart", chart).exit_code == 0
    root = ET.fromstring(chart.read_bytes())  # noqa: S314  our own output
    assert root.tag == f"{SVG}svg"
    texts = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert {"items per hour", "% busy", "local time (Europe/Berlin)", "Pool triage", "breached"} <= set(texts)
    assert texts.count("triage") == 24
    assert not {each.tag for each in root.iter()} & {f"{SVG}script", f"{SVG}style", f"{SVG}image"}
    assert not [key for each in root.iter() for key in each.attrib if key.startswith("on") or key == "style"]


def test_text_in_the_chart_is_escaped() -> None:
    made = play(scene(sla=policy(HOUR), crews=(Crew("triage", 1, ALWAYS),), arrivals=Rate(per_day=50)))[1]
    hostile = '</text><script>alert("1")</script>&\x00\x1b\ud800'
    drawn = chart_of(msgspec.structs.replace(made, project=hostile, timezone=hostile))
    root = ET.fromstring(drawn.encode())  # noqa: S314  our own output
    assert not list(root.iter(f"{SVG}script"))
    assert any("</text><script>" in "".join(each.itertext()) for each in root.iter(f"{SVG}text"))
    assert label("a<b", 1, 2) == '<text x="1" y="2">a&lt;b</text>'


def test_every_item_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    made = msgspec.json.decode(run(MONDAY, *ASKED, "--json", "--items", file).stdout, type=Report)
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert len(rows) == made.totals.arrived
    assert sum(row["in_time"] == "true" for row in rows) == made.totals.decided_in_time
    assert sum(bool(row["breached_at"]) for row in rows) == made.totals.breached
    # What was written can be played again as a history.
    history = tmp_path / "history.csv"
    history.write_text(
        "timestamp,pool,priority\n" + "".join(f"{r['arrived_at']},{r['pool']},{r['priority']}\n" for r in rows)
    )
    again = run(MONDAY, "--arrivals", history, *ASKED[2:], "--json")
    assert msgspec.json.decode(again.stdout, type=Report).totals.arrived == len(rows)


def test_a_plan_file(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("arrivals: 100/day\nstaff: {triage: 2, seniors: 1}\non: 2026-11-23\nseed: 3\n")
    done = run(MONDAY, "--plan", plan, "--seed", "4")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith("seed 4")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("no-such-file.yaml",),
        (MONDAY, "--project", "cards"),
        (MONDAY,),
        (MONDAY, "--staff", "triag=4"),
        (MONDAY, *ASKED, "--arrivals", "no-such.csv"),
        (MONDAY, *ASKED, "--arrivals", "."),
        (MONDAY, *ASKED, "--mix", "triage"),
        (MONDAY, *ASKED, "--handling", "0m"),
        (MONDAY, *ASKED, "--spread", "0.5"),
        (MONDAY, *ASKED, "--spread", "nan"),
        (MONDAY, *ASKED[:6], "--spread", "2"),
        (MONDAY, *ASKED, "--on", "yesterday"),
        (MONDAY, *ASKED, "--on", "0001-01-01"),
        (MONDAY, *ASKED, "--days", "0"),
        (MONDAY, *ASKED, "--zone", "Mars"),
        (MONDAY, *ASKED, "--zone", "Europe"),
        (MONDAY, *ASKED, "--seed", "-1"),
        (MONDAY, *ASKED, "--arrivals", "500000/day", "--days", "9"),
    ],
)
def test_asked_wrongly(arguments: tuple[str | Path, ...]) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 2, refused.output
    assert refused.stdout == ""
    assert "Error: " in refused.stderr


def test_faults_name_file_line_and_column(tmp_path: Path) -> None:
    config, plan, history = tmp_path / "c.yaml", tmp_path / "p.yaml", tmp_path / "h.csv"
    config.write_text(MONDAY.read_text().replace("review: triage", "review: triag"))
    plan.write_text("staff:\n  triag: 4\n")
    history.write_text("timestamp,pool\n2026-11-23T10:00,triag\n")
    for arguments, told in (
        ((config, *ASKED), f"{config}:11:60: rules[1].then.review: `triag` is no pool; did you mean `triage`?"),
        ((MONDAY, "--plan", plan), f"{plan}:2:3: staff.triag: `triag` is no pool; did you mean `triage`?"),
        ((MONDAY, *ASKED, "--arrivals", history), f"{history}:2:18: 'triag' is no pool; did you mean 'triage'?"),
    ):
        refused = run(*arguments)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.splitlines()[0] == told
        assert refused.stderr.splitlines()[-1].endswith("has one fault; nothing was played.")


def test_a_file_without_an_end_is_too_large() -> None:
    for arguments in (("/dev/zero",), (MONDAY, "--plan", "/dev/zero"), (MONDAY, *ASKED, "--arrivals", "/dev/zero")):
        refused = run(*arguments)
        assert refused.exit_code == 1
        assert "/dev/zero:1:1: is larger than" in refused.stderr


def test_a_chart_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    refused = run(MONDAY, *ASKED, "--chart", tmp_path / "no" / "where.svg")
    assert refused.exit_code == 1
    assert "No part of it was left behind" in refused.stderr
    assert "Traceback" not in refused.output


def test_the_active_configuration_of_a_project(database_url: str) -> None:
    env = {"REVIEW_DATABASE_URL": database_url}
    assert CliRunner(env=env).invoke(main, ["apply", str(MONDAY)]).exit_code == 0
    done = run("--project", "cards", *ASKED, url=database_url)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == run(MONDAY, *ASKED).stdout
    unknown = run("--project", "nobody", *ASKED, url=database_url)
    assert unknown.exit_code == 1
    assert "no project 'nobody'" in unknown.stderr


def test_a_configuration_from_standard_input() -> None:
    assert run("-", *ASKED, stdin=MONDAY.read_text()).stdout == run(MONDAY, *ASKED).stdout
