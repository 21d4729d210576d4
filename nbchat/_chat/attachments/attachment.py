"""Attachments of a message: images, texts and other files."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from nbchat._chat.foreign_text import fenced

from . import encodings
from .pil_images import to_png

MAX_BYTES = 20_000_000
_NAME_LIMIT = 120
_SUFFIX_LIMIT = 20

Kind = Literal["image", "text", "file"]

# The formats that models accept, and the bytes that their files begin with.
_SIGNATURES = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("application/pdf", re.compile(rb"%PDF-")),
)
# No HTML or SVG: a browser would run their scripts with the notebook's rights.
_TEXTS = frozenset(
    f"text/{subtype}" for subtype in ("plain", "markdown", "csv", "tab-separated-values")
) | {"application/json"}
# Office documents are zip archives, so their first bytes are all the same.
_ARCHIVE = re.compile(r"application/(zip|epub\+zip|vnd\.[\w.+-]{1,100})")

_DEFAULT_NAMES = {
    "image/png": "image.png",
    "image/jpeg": "image.jpg",
    "image/gif": "image.gif",
    "image/webp": "image.webp",
    "application/pdf": "document.pdf",
    "application/octet-stream": "file",
}

# Images that neither models nor all browsers take.
_OTHER_IMAGES = (
    ("HEIC", re.compile(rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)),
    ("AVIF", re.compile(rb"....ftypavi[fs]", re.DOTALL)),
    ("TIFF", re.compile(rb"II\*\0|MM\0\*", re.DOTALL)),
    ("BMP", re.compile(rb"BM....\0\0\0\0", re.DOTALL)),
)


@dataclass(frozen=True)
class Attachment:
    """One file, in memory.

    Attributes:
        name: A file name without folders, at most 120 characters; a default if none is given.
        media_type: The type that the bytes show; the given type counts only if they agree with it.
        data: The bytes of the file.
        id: The front end asks for the file by this id.
        encoding: That of a text, such as "utf-8" or "cp1252"; blank for other kinds.

    Raises:
        ValueError: The file is empty, or larger than 20 MB.
    """

    name: str
    media_type: str
    data: bytes = field(repr=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    encoding: str = field(default="", init=False)

    def __post_init__(self) -> None:
        name = _file_name(self.name)
        if not self.data:
            raise ValueError(f"{name or 'The attachment'} is empty")
        if len(self.data) > MAX_BYTES:
            raise ValueError(
                f"{name or 'The attachment'} is larger than {MAX_BYTES / 1e6:.0f} MB, "
                "the limit for attachments"
            )
        media_type, encoding = _media_type(self.data, self.media_type)
        object.__setattr__(self, "encoding", encoding)
        object.__setattr__(self, "media_type", media_type)
        object.__setattr__(self, "name", name or _DEFAULT_NAMES.get(media_type, "text.txt"))

    @property
    def kind(self) -> Kind:
        """The kind of content part: "image" (PNG, JPEG, GIF, WebP), "text", or else "file"."""
        if self.media_type.startswith("image/"):
            return "image"
        return "text" if self.media_type in _TEXTS else "file"

    @property
    def size(self) -> int:
        """The size in bytes."""
        return len(self.data)

    @property
    def text(self) -> str:
        """The text of a text file; blank for other kinds."""
        return (encodings.read(self.data, self.encoding) or "") if self.encoding else ""

    @property
    def is_recoded(self) -> bool:
        """Whether a text is in another encoding than UTF-8, so that it may be misread."""
        return self.encoding not in ("", "utf-8")

    @property
    def data_url(self) -> str:
        """The whole file as a `data:` URL."""
        return f"data:{self.media_type};base64,{self._base64()}"

    def part(self) -> dict[str, Any]:
        """Returns the content part for a message, in the format of OpenAI and OpenRouter."""
        match self.kind:
            case "image":
                return {"type": "image_url", "image_url": {"url": self.data_url}}
            case "text":
                text = fenced(self.text.removesuffix("\n"))
                how = f" (read as {self.encoding})" if self.is_recoded else ""
                return {"type": "text", "text": f"{self.name}{how}:\n\n{text}"}
            case _:
                file = {"filename": self.name, "file_data": self.data_url}
                return {"type": "file", "file": file}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the file to a path, or under its own name into a folder; returns the path.

        Raises:
            OSError: The file can't be written.
        """
        target = Path(os.path.expanduser(path))
        if target.is_dir():
            target /= self.name
        target.write_bytes(self.data)
        return target

    def _base64(self) -> str:
        return base64.b64encode(self.data).decode("ascii")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Lets a notebook show an image."""
        return {self.media_type: self._base64()} if self.kind == "image" else {}


def read_all(images: object, files: object) -> list[Attachment]:
    """Returns a message's attachments; raises as `read_image` and `read_file` do."""
    return [*map(read_image, _several(images)), *map(read_file, _several(files))]


def _several(given: object) -> Iterable[object]:
    """Returns a list as it is, and one thing in a list of its own."""
    match given:
        case str() | bytes() | bytearray() | memoryview() | os.PathLike() | Attachment():
            return [given]
        case (str(), bytes() | bytearray() | memoryview()):  # a file's name and its bytes
            return [given]
        case Iterable():
            return given
    return [given]


def read_image(source: object) -> Attachment:
    """Returns an image.

    Args:
        source: A path (text or `Path`), the bytes of a file, a PIL image, a matplotlib figure or
            axes, or any object that a notebook shows as PNG or JPEG.

    Raises:
        ValueError: The image can't be read, is not PNG, JPEG, GIF or WebP, or is larger than 20 MB.
        TypeError: The source is none of these.
    """
    if isinstance(source, Attachment):
        image = source
    elif isinstance(source, (str, os.PathLike)):
        image = _read(source, "image")
    elif isinstance(source, (bytes, bytearray, memoryview)):
        image = Attachment("", "", bytes(source))
    else:
        image = Attachment("", "", _draw(source))
    _refuse_other_image(image)
    if image.kind != "image":
        raise ValueError(f"{image.name} is not a PNG, JPEG, GIF or WebP image")
    return image


def read_file(source: object) -> Attachment:
    """Returns a file of any kind.

    Args:
        source: A path (text or `Path`), the bytes of a file, or a tuple of a name and bytes.

    Raises:
        ValueError: The file can't be read, is empty, is larger than 20 MB, or is an image in a
            format that models don't accept.
        TypeError: The source is none of these.
    """
    match source:
        case Attachment():
            return source
        case str() | os.PathLike():
            return _refuse_other_image(_read(source, "file"))
        case bytes() | bytearray() | memoryview():
            return _refuse_other_image(Attachment("", "", bytes(source)))
        case (str() as name, (bytes() | bytearray() | memoryview()) as data):
            return _refuse_other_image(Attachment(name, _guess_type(name), bytes(data)))
    raise TypeError(f"a file must be a path, bytes, or (name, bytes), not {type(source).__name__}")


def from_upload(name: object, media_type: object, data: bytes | memoryview) -> Attachment:
    """Returns a file that the browser sent; neither its name nor its type is trusted.

    Raises:
        ValueError: The file is empty, larger than 20 MB, or an image in a format that models don't
            accept.
    """
    return _refuse_other_image(
        Attachment(
            name if isinstance(name, str) else "",
            media_type if isinstance(media_type, str) else "",
            bytes(data),
        )
    )


def _refuse_other_image(attachment: Attachment) -> Attachment:
    for name, signature in _OTHER_IMAGES:
        if not attachment.encoding and signature.match(attachment.data):
            opened = f'PIL.Image.open("{attachment.name}")'
            if name == "HEIC":
                opened += " after pillow_heif.register_heif_opener()"
            raise ValueError(
                f"{attachment.name} is a {name} image, which models don't accept. Convert it to "
                f"PNG or JPEG, or pass the opened image: images=[{opened}]"
            )
    return attachment


def from_data_url(url: object, name: str) -> Attachment | None:
    """Returns the image in a model's `data:` URL, else None. No other URL is ever fetched."""
    if not isinstance(url, str) or url[:5].lower() != "data:":
        return None
    head, _, body = url.partition(",")
    if not head.lower().endswith(";base64") or len(body) > MAX_BYTES * 3 // 2:
        return None
    try:
        image = Attachment(name, "", base64.b64decode("".join(body.split()), validate=True))
    except ValueError:
        return None
    return image if image.kind == "image" else None


def _read(source: str | os.PathLike[str], what: str) -> Attachment:
    try:
        with open(os.path.expanduser(source), "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"The {what} {source} can't be read: {error.strerror}") from error
    name = os.path.basename(source)
    return Attachment(name, _guess_type(name), data)


def _guess_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or ""


def _draw(source: object) -> bytes:
    """Returns the image that another library's object draws.

    Recognises the object by its methods alone: PIL and matplotlib may not be installed, and are
    slow to import.
    """
    if hasattr(source, "mode") and callable(getattr(source, "save", None)):
        return to_png(source)
    png = BytesIO()
    figure: Any = source if hasattr(source, "savefig") else getattr(source, "figure", None)
    if hasattr(figure, "savefig"):  # matplotlib
        figure.savefig(png, format="png")
        return png.getvalue()
    for method in ("_repr_png_", "_repr_jpeg_"):
        shown = _display(getattr(source, method, None))
        if shown:
            return shown
    raise TypeError(
        "an image must be a path, bytes, a PIL image, a matplotlib figure, or another object that "
        f"displays as PNG or JPEG, not {type(source).__name__}"
    )


def _display(show: Callable[[], object] | None) -> bytes | None:
    """Returns the bytes from an IPython display method: bytes or base64, alone or with metadata."""
    shown = show() if callable(show) else None
    if isinstance(shown, tuple) and shown:
        shown = shown[0]
    if isinstance(shown, str):
        shown = base64.b64decode(shown)
    return shown if isinstance(shown, bytes) else None


def _media_type(data: bytes, claimed: str) -> tuple[str, str]:
    """Returns the media type, and of a text its encoding."""
    for media_type, signature in _SIGNATURES:
        if signature.match(data):
            return media_type, ""
    claimed = claimed.partition(";")[0].strip().lower()
    if (decoded := encodings.decode(data)) is not None:
        return claimed if claimed in _TEXTS else "text/plain", decoded[1]
    if data.startswith(b"PK\x03\x04") and _ARCHIVE.fullmatch(claimed):
        return claimed, ""
    return "application/octet-stream", ""


def _file_name(name: str) -> str:
    """Returns the last part of a path, without invisible, text-reversing or line-ending characters.

    At most 120 characters remain.
    """
    name = " ".join(re.split(r"[/\\]", name)[-1].split())
    name = " ".join("".join(filter(str.isprintable, name)).split())
    if not name.strip(". "):
        return ""
    if len(name) > _NAME_LIMIT:
        suffix = os.path.splitext(name)[1][:_SUFFIX_LIMIT]
        name = name[: _NAME_LIMIT - 1 - len(suffix)] + "…" + suffix
    return name
