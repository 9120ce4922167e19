"""What a file is by its first bytes, and which of those things a kind of content may be."""

from typing import Final, Literal, TypeGuard

MediaKind = Literal["image", "audio", "video", "pdf"]

MOST_LOOKED_AT = 4_096
ALLOWED: Final[dict[MediaKind, frozenset[str]]] = {
    "image": frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}),
    "audio": frozenset({"audio/mpeg", "audio/wav", "audio/ogg", "audio/mp4"}),
    "video": frozenset({"video/mp4", "video/webm"}),
    "pdf": frozenset({"application/pdf"}),
}
NAMED: Final[dict[MediaKind, str]] = {
    "image": "PNG, JPEG, GIF, WebP or AVIF",
    "audio": "MP3, WAV, Ogg or M4A",
    "video": "MP4 or WebM",
    "pdf": "PDF",
}
ENDINGS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "application/pdf": "pdf",
}
_STARTS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_MOVIES: Final = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash", b"M4A ", b"M4B "}
)


def is_media(kind: str) -> TypeGuard[MediaKind]:
    """Whether a view's kind is one that a file is shown as."""
    return kind in ALLOWED


def type_of(raw: bytes, kind: MediaKind) -> str | None:
    """Tell the type of a file that is to be shown as this kind; None where it is none of those that may be."""
    found = _sniffed(raw[:MOST_LOOKED_AT], kind)
    return found if found in ALLOWED[kind] else None


def _sniffed(head: bytes, kind: MediaKind) -> str | None:
    named = next((named for start, named in _STARTS if head.startswith(start)), None)
    if named is not None:
        return named
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12], kind)
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:64]:
        return "video/webm"
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06
    return "audio/mpeg" if is_frame else None


def _of_brand(brand: bytes, kind: MediaKind) -> str | None:
    """Tell what a file of boxes is by its brand; sound alone comes under the names of films too."""
    if brand in {b"avif", b"avis"}:
        return "image/avif"
    if brand not in _MOVIES:
        return None
    return "audio/mp4" if kind == "audio" else "video/mp4"
