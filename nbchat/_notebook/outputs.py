"""Turns the outputs of code, as Jupyter stores them, into files to attach to a message."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nbchat._chat.conversation.runs import MAX_CHARACTERS, cut, data_of, joined, text_of

#: The most images that a model receives from one run.
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
        image = _image(data_of(output))
        if image is None:
            texts.append(text_of(output))
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
    whole = "\n".join(part for part in (text.rstrip("\n") for text in texts) if part)
    text = cut(whole, MAX_CHARACTERS)
    return [*([OutputFile("output.txt", "text/plain", text.encode())] if text else []), *images]


def _image(data: Mapping[str, Any]) -> tuple[str, bytes] | None:
    for media_type in _IMAGES:
        if media_type in data:
            try:
                return media_type, base64.b64decode(joined(data[media_type]))
            except (binascii.Error, ValueError):
                return None
    return None
