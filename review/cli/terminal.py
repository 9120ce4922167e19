"""Printing words that came from elsewhere: what would steer a terminal is written out instead."""

import click

from review.kernel.unseen import code_point, written_out


def say(text: str, *, err: bool = False) -> None:
    """Print a text of several lines."""
    click.echo(written_out(text), err=err)


def in_line(text: str) -> str:
    """Give a text that stands in one line of ours, with its own line ends and tabs written out too."""
    return "".join(code_point(each) if each in "\n\t" else each for each in written_out(text))
