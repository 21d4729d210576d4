"""The formats of a saved chat, named by the suffix of the file."""

from typing import Literal

Suffix = Literal[".json", ".md", ".ipynb"]
