"""What an item holds, made safe to show: text, code, JSON, tables, conversations, files, and marks upon them."""

from review.web.content.block import Block
from review.web.content.blocks import Side, blocks, brief, plain
from review.web.content.chats import Turn
from review.web.content.frames import Frame
from review.web.content.images import NotAPicture, Picture
from review.web.content.markdown import render as render_markdown
from review.web.content.media import find_address
from review.web.content.parts import part
from review.web.content.text import reveal, unseen, visible
from review.web.content.tree import Node

__all__ = [
    "Block",
    "Frame",
    "Node",
    "NotAPicture",
    "Picture",
    "Side",
    "Turn",
    "blocks",
    "brief",
    "find_address",
    "part",
    "plain",
    "render_markdown",
    "reveal",
    "unseen",
    "visible",
]
