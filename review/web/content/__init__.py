"""What an item holds, made safe to show: text, Markdown, code, JSON, pictures, tables and conversations."""

from review.web.content.blocks import Block, Side, Turn, blocks, brief, plain
from review.web.content.images import NotAPicture, Picture
from review.web.content.markdown import render as render_markdown
from review.web.content.text import reveal, unseen, visible
from review.web.content.tree import Node

__all__ = [
    "Block",
    "Node",
    "NotAPicture",
    "Picture",
    "Side",
    "Turn",
    "blocks",
    "brief",
    "plain",
    "render_markdown",
    "reveal",
    "unseen",
    "visible",
]
