"""Lambda's Python on Lambda's processor: this machine's, or Debian's for arm64 under Debian's emulator. `python -m tests.support.arm64` gets those two."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from local_platform.synthesis import ROOT

from infra_cdk.constructs.bundling import compile_all, lambda_python

_FOLDER = ROOT / ".stratforge" / "arm64"
_EMULATOR = _FOLDER / "emulator" / "usr" / "bin" / "qemu-aarch64-static"
_ROOT = _FOLDER / "root"
_PYTHON = _ROOT / "usr" / "bin" / "python3.13"
# The first release of Debian with Python 3.13, and what that Python and compiled wheels load.
_RELEASE = "trixie"
_PACKAGES = (
    *("python3.13-minimal", "libpython3.13-minimal", "libpython3.13-stdlib", "libc6", "libgcc-s1", "libstdc++6"),
    *("libexpat1", "zlib1g", "libssl3t64", "libffi8", "libsqlite3-0", "libbz2-1.0", "liblzma5", "libuuid1"),
    *("libncursesw6", "libtinfo6", "libreadline8t64", "libzstd1", "media-types", "netbase"),
)


def python() -> list[str] | None:
    """The command that starts Python 3.13 on arm64; None where there is none."""
    if platform.machine() in ("aarch64", "arm64") and sys.version_info[:2] == (3, 13):
        return [sys.executable]
    if _EMULATOR.exists() and _PYTHON.exists():
        return [str(_EMULATOR), "-L", str(_ROOT), str(_PYTHON)]
    return None


def main() -> None:
    """Gets them, with nothing installed on this machine: packages are fetched and unpacked into a folder."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        sys.exit("make arm64: apt-get and dpkg are needed; elsewhere run it on an arm64 machine with Python 3.13")
    if python() is None:
        shutil.rmtree(_FOLDER, ignore_errors=True)
        _fetch(["qemu-user-static"], _FOLDER / "emulator")
        _fetch(list(_PACKAGES), _ROOT, _other_architecture())
        # What Debian merged: libraries are looked for where they were before, too.
        (_ROOT / "lib").symlink_to("usr/lib")
        # Byte code is the same on every processor, and the emulated one takes minutes to make it.
        native = lambda_python()
        if native is not None:
            compile_all(_PYTHON.parent.parent / "lib" / "python3.13", native)
    found = python()
    assert found is not None
    subprocess.run([*found, "-c", "import platform, sys; print(platform.machine(), sys.version)"], check=True)


def _fetch(packages: list[str], target: Path, environment: dict[str, str] | None = None) -> None:
    archives = target.with_name(f"{target.name}-archives")
    archives.mkdir(parents=True)
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages]
    subprocess.run(command, cwd=archives, env={**os.environ, **(environment or {})}, check=True)
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(archive), str(target)], check=True)
    shutil.rmtree(archives)


def _mirror() -> str:
    """The mirror of Debian that this machine takes its own packages from."""
    kept = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for file in (each for each in kept if each.is_file()):
        if found := re.search(r"^(?:URIs:|deb\b.*?)\s*(https?://\S+/debian/?)(?=\s|$)", file.read_text(), re.MULTILINE):
            return found[1]
    raise RuntimeError("no mirror of Debian stands in /etc/apt: the emulated Python is for Debian and what comes of it")


def _other_architecture() -> dict[str, str]:
    """Lists of packages for arm64 beside this machine's own, which stay as they are."""
    folder = _FOLDER / "apt"
    for each in ("lists/partial", "cache/archives/partial"):
        (folder / each).mkdir(parents=True)
    (folder / "status").touch()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (folder / "sources.list").write_text(f"deb [signed-by={keyring}] {_mirror()} {_RELEASE} main\n")
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Acquire::Languages": "none",
        "Dir::State": str(folder),
        "Dir::State::status": str(folder / "status"),
        "Dir::Cache": str(folder / "cache"),
        "Dir::Etc::sourcelist": str(folder / "sources.list"),
        "Dir::Etc::sourceparts": "-",
    }
    (folder / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    environment = {"APT_CONFIG": str(folder / "apt.conf")}
    subprocess.run(["apt-get", "-qq", "update"], env={**os.environ, **environment}, check=True)
    return environment


if __name__ == "__main__":
    main()
