"""Writes the lock of a framework for a platform: exact versions, and the hashes of their wheels for
every Python.

    python lock.py PLATFORM LOCK REQUIREMENT... [--index-url URL] [--no-deps]

as in

    python lock.py linux-x86_64 ../locks/jax-linux-x86_64.txt jax==0.10.2

pip resolves the requirement for each Python in turn; where a version of Python has no wheels it is left
out. Markers are judged for the machine that this runs on: make a lock on its own system where the
requirements of a framework depend on that, or name all of them with --no-deps.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# The tags of wheels that a platform takes, as pip does not infer older ones.
PLATFORMS = {
    "linux-x86_64": [f"manylinux_2_{n}_x86_64" for n in range(39, 4, -1)]
    + ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"],
    "linux-aarch64": [f"manylinux_2_{n}_aarch64" for n in range(39, 16, -1)]
    + ["manylinux2014_aarch64", "linux_aarch64"],
    "macos-aarch64": [f"macosx_{n}_0_{kind}" for n in range(15, 10, -1) for kind in ("arm64", "universal2")],
    "windows-x86_64": ["win_amd64"],
}


def resolve(
    requirements: list[str], python: str, platform: str, index_url: str | None, no_deps: bool
) -> list[dict]:
    tags = [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
    index = ["--index-url", index_url] if index_url else []
    index += ["--no-deps"] if no_deps else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
            + ["--target", folder, "--only-binary", ":all:", "--python-version", python]
            + [*tags, *index, "--report", str(report), *requirements],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(f"Python {python}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return []
        return json.loads(report.read_text())["install"]


def size_bytes(url: str) -> int:
    request = urllib.request.Request(url, method="HEAD")
    with urllib.request.urlopen(request, timeout=60) as response:
        return int(response.headers["Content-Length"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("platform", choices=PLATFORMS)
    parser.add_argument("lock", type=Path)
    parser.add_argument("requirements", nargs="+")
    parser.add_argument("--index-url")
    parser.add_argument("--no-deps", action="store_true")
    arguments = parser.parse_args()
    pythons: list[str] = []
    hashes: dict[tuple[str, str, str], set[str]] = {}
    bytes_of_python: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for python in PYTHONS:
        packages = resolve(
            arguments.requirements,
            python,
            arguments.platform,
            arguments.index_url,
            arguments.no_deps,
        )
        if not packages:
            continue
        pythons.append(python)
        for package in packages:
            metadata, download = package["metadata"], package["download_info"]
            url = download["url"]
            if url not in sizes:
                sizes[url] = size_bytes(url)
            bytes_of_python[python] = bytes_of_python.get(python, 0) + sizes[url]
            key = metadata["name"].lower(), metadata["version"], python
            hashes[key] = {download["archive_info"]["hashes"]["sha256"]}
    # A package that is wanted in one version by all Pythons that want it, and in others by others.
    versions: dict[tuple[str, str], list[str]] = {}
    for name, version, python in hashes:
        versions.setdefault((name, version), []).append(python)
    lines = [
        f"# {' '.join(arguments.requirements)} on {arguments.platform}, by scripts/lock.py",
        f"# python: {' '.join(pythons)}",
        f"# download_bytes: {max(bytes_of_python.values())}",
    ]
    if arguments.index_url:
        lines.append(f"--index-url {arguments.index_url}")
    for (name, version), wanted in sorted(versions.items()):
        line = f"{name}=={version}"
        if wanted != pythons:
            line += " ; " + " or ".join(f"python_version == '{python}'" for python in wanted)
        digests = sorted(set().union(*(hashes[name, version, python] for python in wanted)))
        lines.append(" \\\n    ".join([line, *(f"--hash=sha256:{digest}" for digest in digests)]))
    arguments.lock.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
