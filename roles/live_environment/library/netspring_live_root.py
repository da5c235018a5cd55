#!/usr/bin/python3
"""Ansible module: a Debian root filesystem with only what a PC in the workshop needs."""

from __future__ import annotations

import fnmatch
import json
import lzma
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_live_root
short_description: Make the trimmed root filesystem of the live environment
description:
  - Runs mmdebstrap into a new folder beside O(output), then takes out packages, files, kernel
    modules and firmware that no machine needs. Does nothing if O(output) is already complete.
options:
  output: {type: path, required: true, description: Folder the finished build will be in.}
  cache: {type: path, required: true, description: Folder of downloaded packages.}
  suite: {type: str, required: true, description: Debian suite.}
  sources: {type: list, elements: str, required: true, description: apt sources, one-line format.}
  apt_options: {type: list, elements: str, default: [], description: apt.conf lines.}
  packages: {type: list, elements: str, required: true, description: Packages to install.}
  build_only: {type: list, elements: str, default: [], description: Packages to take out again.}
  removed_paths: {type: list, elements: str, default: [], description: Globs from / to remove.}
  kernel_modules: {type: list, elements: str, required: true, description: Globs to keep.}
  kernel_modules_excluded: {type: list, elements: str, default: [], description: Globs to drop.}
author: [Netspring Provision]
"""
RETURN = r"""
work: {type: str, returned: success, description: Folder with root/, "" if nothing was done.}
netspring_error: {type: dict, returned: failed, description: What kind of failure, and a hint.}
"""

NEEDED = {
    "/usr/bin/mmdebstrap": "mmdebstrap",
    "/usr/bin/zstd": "zstd",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
NO_DOCS = ("/usr/share/locale/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/doc/*")


class BuildError(Exception):
    """The build cannot go on; ``kind`` says whose fault it is."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        """Keep whose fault it is, what happened, and what mends it."""
        super().__init__(message)
        self.kind = kind
        self.hint = hint


def mmdebstrap_argv(params: dict, root: Path) -> list[str]:
    """Command line that fills ``root``.

    Downloads go straight into the cache, bound over apt's own folder: what a broken build has
    fetched is there for the next one. As root, mmdebstrap mounts where everybody sees it, so it
    runs in a mount namespace of its own: killed, it leaves no mount behind. The kernel's hook
    that makes an initramfs is left out: it would spend a minute on a file that nobody reads.
    """
    cache = shlex.quote(params["cache"])
    archives = '"$1"/var/cache/apt/archives'
    argv = [
        *("unshare", "--mount", "--propagation", "private", "--"),
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(params['packages'])}",
        '--aptopt=APT::Sandbox::User "root"',
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Languages "none"',
        *(f"--aptopt={line}" for line in params["apt_options"]),
        *(f"--dpkgopt=path-exclude={glob}" for glob in NO_DOCS),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        "--dpkgopt=path-exclude=/etc/kernel/postinst.d/initramfs-tools",
        "--skip=download/empty,essential/unlink",
        f"--setup-hook=mkdir -p {archives} && mount --bind {cache} {archives}"
        f" && mkdir -p {archives}/partial",
        f"--customize-hook=umount {archives}",
        params["suite"],
        str(root),
    ]
    return argv + list(params["sources"])


def explain(stderr: str) -> BuildError:
    """Turn what mmdebstrap said into the kind of failure it was."""
    errors = [line[2:].strip() for line in stderr.splitlines() if line.startswith("E:")]
    # apt's own words; mmdebstrap's about the failed apt command only repeat that it failed.
    said = "; ".join(e for e in errors if "apt-get" not in e and "mmdebstrap" not in e)
    said = said or stderr[-800:].strip()
    if "No space left on device" in stderr or "enough free space" in stderr:
        return BuildError("space", f"the disk of the station is full: {said}")
    if any(word in stderr for word in ("Unable to locate package", "has no installation cand")):
        return BuildError("packages", f"the mirror lacks a package: {said}")
    if any(word in stderr for word in ("Failed to fetch", "apt-get update", "Could not connect")):
        return BuildError("mirror", f"the Debian mirror could not be read: {said}")
    return BuildError("build", f"mmdebstrap failed: {said}")


def closure(wanted: Iterable[str], needs: dict[str, set[str]]) -> set[str]:
    """All of ``wanted`` and everything they need, directly or not."""
    found: set[str] = set()
    queue = list(wanted)
    while queue:
        module = queue.pop()
        if module not in found:
            found.add(module)
            queue.extend(needs.get(module, ()))
    return found


def name_of(path: str) -> str:
    """Name of a kernel module from its path, as modprobe spells it."""
    return Path(path).name.split(".ko")[0].replace("-", "_")


def module_needs(dep: str, soft: str) -> dict[str, set[str]]:
    """Path of each kernel module to the paths it needs, from modules.dep and modules.softdep."""
    needs: dict[str, set[str]] = {}
    for line in dep.splitlines():
        path, _, others = line.partition(":")
        needs[path] = set(others.split())
    by_name = {name_of(path): path for path in needs}
    for line in soft.splitlines():
        words = line.split()
        if len(words) > 2 and words[0] == "softdep" and words[1] in by_name:
            others = {word.replace("-", "_") for word in words[2:] if not word.endswith(":")}
            needs[by_name[words[1]]] |= {by_name[other] for other in others & by_name.keys()}
    return needs


def choose_modules(needs: dict[str, set[str]], keep: list[str], drop: list[str]) -> set[str]:
    """Paths of the modules to keep; what a kept one needs is kept even if it is in ``drop``.

    Raises:
        BuildError: a glob to keep matches nothing, so the kernel is not the one it was written for.
    """
    plain = {path: path.removeprefix("kernel/").removesuffix(".xz") for path in needs}
    wanted: set[str] = set()
    for glob in keep:
        matching = {path for path, short in plain.items() if fnmatch.fnmatchcase(short, glob)}
        if not matching:
            raise BuildError("build", f"this kernel has no module {glob}")
        wanted |= matching
    unwanted = {p for p, short in plain.items() if any(fnmatch.fnmatchcase(short, g) for g in drop)}
    return closure(wanted - unwanted, needs)


def trim_modules(root: Path, keep: list[str], drop: list[str]) -> str:
    """Leave only chosen kernel modules, uncompressed (zstd does it better over all of them).

    Returns:
        The kernel's version.
    """
    (folder,) = (root / "usr/lib/modules").iterdir()
    needs = module_needs(
        (folder / "modules.dep").read_text(), (folder / "modules.softdep").read_text()
    )
    chosen = choose_modules(needs, keep, drop)
    for path in needs:
        file = folder / path
        if path in chosen and file.suffix == ".xz":
            file.with_suffix("").write_bytes(lzma.decompress(file.read_bytes()))
        if path not in chosen or file.suffix == ".xz":
            file.unlink()
    run(["chroot", str(root), "depmod", folder.name])
    return folder.name


def trim_firmware(root: Path, version: str) -> None:
    """Leave only firmware that a network module asks for; other chips work without, or not here."""
    modules = root / "usr/lib/modules" / version / "kernel"
    network = [f"/{m.relative_to(root)}" for m in sorted(modules.glob("drivers/net/**/*.ko"))]
    said = run(["chroot", str(root), "modinfo", "-F", "firmware", *network])
    names = {line.strip() for line in said.splitlines() if line.strip()}
    folder = root / "usr/lib/firmware"
    present = {str(f.relative_to(folder)): f for f in folder.rglob("*") if not f.is_dir()}
    kept = {name for name in present if any(fnmatch.fnmatchcase(name, n) for n in names)}
    kept |= {str(present[n].resolve().relative_to(folder.resolve())) for n in kept}
    if not any(name.startswith("rtl_nic/") for name in kept):
        raise BuildError("build", f"no firmware for Realtek chips below {folder}: names changed?")
    for name, file in present.items():
        if name not in kept:
            file.unlink()


def drop_packages(root: Path, packages: list[str]) -> None:
    """Remove the files of packages that only the build needed."""
    info = root / "var/lib/dpkg/info"
    for package in packages:
        for listing in (info / f"{package}.list", *info.glob(f"{package}:*.list")):
            for line in listing.read_text().splitlines() if listing.is_file() else ():
                file = root / line.lstrip("/")
                if file.is_symlink() or file.is_file():
                    file.unlink()


def remove_paths(root: Path, globs: list[str]) -> None:
    """Remove files and folders; a glob that matches nothing is fine, packages differ."""
    for glob in globs:
        for path in list(root.glob(glob)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def package_versions(root: Path) -> dict[str, str]:
    """Name to version of all that was installed, build-only packages included."""
    form = "${Package} ${Version}\\n"
    said = run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", form])
    return dict(sorted(line.split(" ", 1) for line in said.splitlines()))


def prune(cache: Path, packages: dict[str, str]) -> None:
    """Drop cached packages of other versions; file names spell ":" as "%3a"."""
    used = {f"{name}_{version.replace(':', '%3a')}" for name, version in packages.items()}
    for deb in cache.glob("*.deb"):
        if deb.name.rpartition("_")[0] not in used:
            deb.unlink()


def call(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program in plain English, so that what it says can be understood."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(  # noqa: S603
        argv, capture_output=True, text=True, check=False, env=env, stdin=subprocess.DEVNULL
    )


def run(argv: list[str]) -> str:
    """Output of a command.

    Raises:
        BuildError: it failed; with what it said.
    """
    done = call(argv)
    if done.returncode:
        raise BuildError("build", f"{' '.join(argv[:4])} failed: {done.stderr[-800:].strip()}")
    return done.stdout


def build(params: dict, work: Path) -> None:
    """Fill ``work`` with root/, vmlinuz and packages.json."""
    root = work / "root"
    root.mkdir()
    root.chmod(0o755)
    done = call(mmdebstrap_argv(params, root))
    if done.returncode:
        raise explain(done.stderr)
    (work / "packages.json").write_text(json.dumps(package_versions(root)))
    prune(Path(params["cache"]), json.loads((work / "packages.json").read_text()))
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, work / "vmlinuz")
    version = trim_modules(root, params["kernel_modules"], params["kernel_modules_excluded"])
    trim_firmware(root, version)
    drop_packages(root, params["build_only"])
    remove_paths(root, params["removed_paths"])
    # Python checks compiled files against the time of their source, and the initrd has one time
    # for all: compiled so that nothing is checked, every start of Python is a second faster.
    compiler = ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    run(["chroot", str(root), *compiler, "/usr/lib/python3", *python_folders(root)])


def python_folders(root: Path) -> list[str]:
    """Folders of the standard library, seen from inside the root."""
    return [f"/usr/lib/{folder.name}" for folder in (root / "usr/lib").glob("python3.*")]


def discard(work: Path) -> None:
    """Delete an unfinished build, unless something is still mounted in it."""
    if str(work) not in Path("/proc/self/mountinfo").read_text():
        shutil.rmtree(work, ignore_errors=True)


def main() -> None:
    """Read the parameters, build, answer."""
    text, many = {"type": "str", "required": True}, {"type": "list", "elements": "str"}
    module = AnsibleModule(
        argument_spec={
            "output": {"type": "path", "required": True},
            "cache": {"type": "path", "required": True},
            "suite": text,
            "sources": {**many, "required": True},
            "apt_options": {**many, "default": []},
            "packages": {**many, "required": True},
            "build_only": {**many, "default": []},
            "removed_paths": {**many, "default": []},
            "kernel_modules": {**many, "required": True},
            "kernel_modules_excluded": {**many, "default": []},
        },
        supports_check_mode=True,
    )
    output = Path(module.params["output"])
    if (output / "build.json").is_file():
        module.exit_json(changed=False, work="")
    if module.check_mode:
        module.exit_json(changed=True, work="")
    work = None
    try:
        for file, package in NEEDED.items():
            if not Path(file).is_file():
                raise BuildError("tool", f"{file} is missing", f"apt-get install {package}")
        if os.geteuid() != 0:
            raise BuildError("root", "building a root filesystem needs root", "run it with sudo")
        Path(module.params["cache"]).mkdir(parents=True, exist_ok=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".partial-", dir=output.parent))
        build(module.params, work)
    except (BuildError, OSError, ValueError) as error:
        if work:
            discard(work)
        kind = getattr(error, "kind", "space" if getattr(error, "errno", 0) == 28 else "build")
        hint = getattr(error, "hint", "")
        module.fail_json(msg=str(error), netspring_error={"kind": kind, "hint": hint})
    module.exit_json(changed=True, work=str(work))


if __name__ == "__main__":
    main()
