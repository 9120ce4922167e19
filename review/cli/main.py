"""The command `review`: finds the subcommand, imports only that, and turns refusals into one sentence and a status."""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

import click

from review.cli.starting import unsearched
from review.cli.terminal import in_line
from review.kernel.errors import ReviewError
from review.kernel.unseen import written_out


@dataclass(frozen=True)
class Entry:
    """Where a subcommand lives, and what `review --help` says of it without importing it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "up": Entry("review.cli.up", "up", "Run everything on this machine, from a data directory."),
    "demo": Entry("review.cli.demo.command", "demo", "Show the whole loop on real input."),
    "migrate": Entry("review.cli.migrate", "migrate", "Bring the database up to date."),
    "web": Entry("review.cli.web", "web", "Run the web process."),
    "worker": Entry("review.cli.worker", "worker", "Run the worker process."),
    "doctor": Entry("review.cli.doctor", "doctor", "Say what is not in order, and what to do."),
    "plan": Entry("review.cli.config", "plan", "Show what a configuration file would change."),
    "apply": Entry("review.cli.config", "apply", "Make a configuration file the project's configuration."),
    "backtest": Entry("review.cli.backtest", "backtest", "Try a configuration version on stored items."),
    "simulate": Entry("review.cli.simulate.command", "simulate", "Play a day of arrivals against a configuration."),
    "users": Entry("review.cli.people", "users", "Create people, set roles, keep them out, reset passwords."),
    "keys": Entry("review.cli.keys", "keys_group", "Make, list, rotate and end the keys that services call with."),
    "tokens": Entry("review.cli.keys", "tokens_group", "Make, list and end personal tokens."),
    "webhooks": Entry("review.cli.webhooks", "webhooks", "Show webhook endpoints and their secrets."),
    "audit": Entry("review.cli.audit", "audit", "Verify and export the audit log."),
    "erasures": Entry("review.cli.erasures", "erasures", "Keep erasures, and do them again after a restore."),
    "export": Entry("review.cli.export", "export", "Write a project's feedback to a file."),
    "import": Entry("review.cli.importing", "import_file", "Bring in what was labelled elsewhere."),
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are run, so that `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the subcommands in the order in which the help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's form
        """Import one subcommand."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        with unsearched():
            command = getattr(import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            message = f"{entry.module}.{entry.attribute} is not a command"
            raise TypeError(message)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's form
        """List the subcommands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand; an expected refusal is one sentence on standard error and status 1."""
        try:
            return super().invoke(ctx)
        except ReviewError as refusal:
            raise Refused(refusal) from refusal


class Refused(click.ClickException):
    """Shows a refusal the way click shows its own errors, with each field's fault on a line of its own."""

    exit_code = 1

    def __init__(self, refusal: ReviewError) -> None:
        faults = [f"  {in_line(fault.path)}: {in_line(fault.message)}" for fault in refusal.errors]
        super().__init__("\n".join((written_out(refusal.message), *faults)))


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not ctx.resilient_parsing:
        click.echo(f"countersign {version('countersign')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show it.")
def main() -> None:
    """Countersign: people review what AI produced, against a clock, and their judgement becomes labelled data."""


if __name__ == "__main__":
    main(prog_name="review")
