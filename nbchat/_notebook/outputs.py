"""What running code gave, as Jupyter keeps it, made into files that can go with a message."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .terminal import as_on_a_terminal

#: Characters of text, and images, that a model is given of one run at most.
MAX_CHARACTERS = 20_000
MAX_IMAGES = 8
#: Bytes of all images: a message to the kernel takes 8 MB of files.
MAX_IMAGE_BYTES = 5_000_000

_IMAGES = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True)
class OutputFile:
    """A file made of outputs."""

    name: str
    media_type: str
    data: bytes


def to_files(outputs: Iterable[Mapping[str, Any]]) -> list[OutputFile]:
    """The text of all outputs as one file, which comes first, and each image.

    What is too much is left out of the middle, and the text says so.

    Args:
        outputs: As nbformat 4 has them, which is as `ipywidgets.Output.outputs` has them.
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
        texts.append(f"[{left_out} more images are left out.]")
    text = _bounded("\n".join(part for part in (text.rstrip("\n") for text in texts) if part))
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
    """In files, nbformat has the lines of a text one by one."""
    return text if isinstance(text, str) else "".join(text)


def _bounded(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    half = MAX_CHARACTERS // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out:,} characters are left out …]\n{text[-half:]}"
