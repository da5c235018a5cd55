"""Writing an image: ours, beside zstd decoding alone and dd to the same disk, from one run.

    benchmarks/image_write.py                  as root: a loop device on a file in /var/tmp
    benchmarks/image_write.py --image FILE     a rootfs.ext4.zst of your own; else the newest of
                                               this station, else 1 GiB of this computer's /usr
    benchmarks/image_write.py --image FILE --ssh "ssh ..." --device /dev/sda --serial LAB1
                                               a disk of a PC that runs the live environment,
                                               with memory enough to hold FILE

With ``--device`` the disk is DESTROYED; its serial must be the one that was typed.

The limit is the slower of the two: whoever decodes and writes can be no faster than either alone.
Rounds of the three alternate, and the median of each is taken, since other work disturbs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import machine

machine.find_packages()

from ansible.module_utils.netspring_install import write  # noqa: E402

MIB = 1 << 20
TARGET = 0.9  # of the slower of decoder and disk


def sample(folder: Path) -> Path:
    """The newest image of this station, or programs and libraries of this computer, compressed."""
    from netspring_provision.config import Station  # a machine has none of our program

    built = Station.from_environment().images.glob("*/rootfs.ext4.zst")
    newest = max(built, key=lambda path: path.stat().st_mtime, default=None)
    if newest is not None:
        return newest
    packed = folder / "sample.zst"
    line = f"tar -C / -c usr 2>/dev/null | head -c {1024 * MIB} | zstd -q -3 -o {packed}"
    machine.run("/bin/sh", "-c", line)
    return packed


def decoded_bytes(image: Path) -> int:
    """Length of what an image decodes to, counted."""
    with subprocess.Popen(["zstd", "-dcq", str(image)], stdout=subprocess.PIPE) as decoder:  # noqa: S603, S607
        total = 0
        while decoder.stdout is not None and (block := decoder.stdout.read(MIB)):
            total += len(block)
    if decoder.returncode or total % 4096:
        raise SystemExit(f"{image} is not an image: {total} bytes, zstd {decoder.returncode}")
    return total


@contextmanager
def disk(folder: Path, size: int) -> Iterator[str]:
    """A loop device with O_DIRECT to its file, all of whose blocks exist."""
    file = folder / "disk.img"
    count = f"count={-(-size // (4 * MIB))}"
    machine.run("dd", "if=/dev/zero", f"of={file}", f"bs={4 * MIB}", count)
    device = machine.run("losetup", "--find", "--show", "--direct-io=on", file).strip()
    try:
        yield device
    finally:
        machine.run("losetup", "--detach", device)


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes, with nothing left to be written from before."""
    os.sync()
    started = time.monotonic()
    work()
    return time.monotonic() - started


def main() -> None:
    """Measure, print, and end with 1 if the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--folder", default="/var/tmp", help="where the disk's file is made")  # noqa: S108
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", help="a whole disk, which will be DESTROYED")
    parser.add_argument("--serial", default="", help="serial of that disk")
    parser.add_argument("--ssh", help="ssh command that reaches the machine with the disk")
    given = parser.parse_args()
    if given.ssh:
        if given.image is None or given.device is None:
            parser.error("--ssh needs --image and --device")
        passed = ["--rounds", str(given.rounds), "--image", given.image.name]
        passed += ["--device", given.device, "--serial", given.serial]
        raise SystemExit(machine.send(given.ssh, Path(__file__), passed, given.image))
    if given.device and given.image is None:
        parser.error("--device needs --image")
    if given.device:
        size = decoded_bytes(given.image)
        if size > machine.checked_disk(given.device, given.serial):
            raise SystemExit(f"{given.device} is too small: nothing was changed")
        contest(given.image, given.device, size, given.rounds)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        image = given.image or sample(folder)
        size = decoded_bytes(image)
        with disk(folder, size) as device:
            contest(image, device, size, given.rounds)


def contest(image: Path, device: str, size: int, rounds: int) -> None:
    """Measure all, check that ours wrote the image, and report."""
    seconds = measure(image, device, size, rounds)
    wanted = write.decoded_sha256(image)
    started = time.monotonic()
    if write.read_sha256(device, size, lambda _count: None) != wanted:
        raise SystemExit("what was written is not what was decoded")
    report(image, size, seconds, time.monotonic() - started)


def measure(image: Path, device: str, size: int, rounds: int) -> dict[str, float]:
    """Median seconds of each contestant; ours comes last, so that its bytes are on the disk."""
    block = 4 * MIB
    to_disk = ["dd", "if=/dev/zero", f"of={device}", f"bs={block}", "oflag=direct", "conv=fsync"]
    count = f"count={size // block}"
    contestants: dict[str, Callable[[], object]] = {
        "zstd -dc > /dev/null": lambda: subprocess.run(  # noqa: S603
            ["zstd", "-dcq", str(image)],  # noqa: S607
            check=True,
            stdout=subprocess.DEVNULL,
        ),
        "dd to the disk": lambda: machine.run(*to_disk, count),
        "ours": lambda: write.write_image(image, device, size, lambda _count: None),
    }
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            taken[name].append(timed(work))
    return {name: statistics.median(values) for name, values in taken.items()}


def report(image: Path, size: int, seconds: dict[str, float], back: float) -> None:
    """Print a table, and whether the target is met."""
    print(f"{image.name}: {image.stat().st_size / MIB:.0f} MiB compressed, {size / MIB:.0f} MiB")
    for name, value in seconds.items():
        print(f"  {name:22} {value:7.2f} s {size / MIB / value:8.0f} MiB/s")
    print(f"  {'read back and hash':22} {back:7.2f} s {size / MIB / back:8.0f} MiB/s")
    ours = seconds["ours"]
    slower = max(value for name, value in seconds.items() if name != "ours")
    ratio = slower / ours
    print(f"  ours to the slower of the two: {ratio:.2f} (target {TARGET})")
    if ratio < TARGET:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
