"""Turns the outputs of code, as Jupyter stores them, into files to attach to a message."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nbchat._chat.keys import mask_secrets

from .terminal import as_on_a_terminal

#: The most characters of text, and the most images, that a model receives from one run.
MAX_CHARACTERS = 20_000
MAX_IMAGES = 8
#: The most bytes of all images together: the page attaches at most 8 MB to a message, because
#: Jupyter closes the connection on a message of 10 MB.
MAX_IMAGE_BYTES = 5_000_000

_IMAGES = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True)
class OutputFile:
    """A file made from outputs."""

    name: str
    media_type: str
    data: bytes


def to_files(outputs: Iterable[Mapping[str, Any]]) -> list[OutputFile]:
    """Returns the text of all outputs as one file, which comes first, and each image as another.

    What looks like a key in the text is masked. A text that is too long loses its middle, and
    images beyond the limits are left out. The text then says so.

    Args:
        outputs: In the format of nbformat 4, which `ipywidgets.Output.outputs` also has.
    """
    texts: list[str] = []
    images: list[OutputFile] = []
    left_out = 0
    total = 0
    for output in outputs:
        data = output.get("data", {})
        image = _image(data)
        if image is None:
            texts.append(_text(output))
            continue
        media_type, content = image
        total += len(content)
        if len(images) == MAX_IMAGES or total > MAX_IMAGE_BYTES:
            left_out += 1
        else:
            name = f"output-{len(images) + 1}.{_IMAGES[media_type]}"
            images.append(OutputFile(name, media_type, content))
    if left_out:
        texts.append(f"[{left_out} more images were left out.]")
    text = _cut("\n".join(part for part in (text.rstrip("\n") for text in texts) if part))
    return [*([OutputFile("output.txt", "text/plain", text.encode())] if text else []), *images]


def _text(output: Mapping[str, Any]) -> str:
    match output.get("output_type"):
        case "stream":
            return as_on_a_terminal(_joined(output.get("text", "")))
        case "error":
            trace = "\n".join(output.get("traceback") or ())
            return as_on_a_terminal(trace) or f"{output.get('ename')}: {output.get('evalue')}"
        case _:
            data = output.get("data", {})
            for media_type in ("text/plain", "text/markdown", "text/latex", "text/html"):
                if media_type in data:
                    return as_on_a_terminal(_joined(data[media_type]))
            return f"[{', '.join(data)}]" if data else ""


def _image(data: Mapping[str, Any]) -> tuple[str, bytes] | None:
    for media_type in _IMAGES:
        if media_type in data:
            try:
                return media_type, base64.b64decode(_joined(data[media_type]))
            except (binascii.Error, ValueError):
                return None
    return None


def _joined(text: str | list[str]) -> str:
    """Joins a text, which nbformat stores as a list of lines in files."""
    return text if isinstance(text, str) else "".join(text)


def _cut(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return mask_secrets(text)
    half = MAX_CHARACTERS // 2
    left_out = len(text) - 2 * half
    # Masked with what stood around them: half of a key looks like none.
    first, last = (mask_secrets(part) for part in (text[: 2 * half], text[-2 * half :]))
    return f"{first[:half]}\n[… {left_out:,} characters were left out …]\n{last[-half:]}"
