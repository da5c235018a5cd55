"""What is mounted below a folder is read from the kernel's own list."""

from pathlib import Path

from netspring_provision.image.mounts import mounted_below

MOUNTINFO = """\
21 26 0:20 / /sys rw,nosuid - sysfs sysfs rw
40 26 8:1 / /home rw - ext4 /dev/sda1 rw
41 40 0:5 / /home/s/cache/image/work-a/root/dev rw - tmpfs tmpfs rw
42 41 0:6 /null /home/s/cache/image/work-a/root/dev/null rw - devtmpfs udev rw
43 40 0:7 / /home/s/cache/image/work-ab rw - tmpfs tmpfs rw
44 40 0:8 / /home/s/with\\040space/root rw - tmpfs tmpfs rw
"""


def test_deepest_first_and_no_neighbours() -> None:
    work = Path("/home/s/cache/image/work-a")
    assert mounted_below(work, MOUNTINFO) == [work / "root/dev/null", work / "root/dev"]


def test_the_folder_itself_counts() -> None:
    assert mounted_below(Path("/home"), MOUNTINFO)[-1] == Path("/home")


def test_odd_names_are_understood() -> None:
    assert mounted_below(Path("/home/s/with space"), MOUNTINFO) == [Path("/home/s/with space/root")]


def test_nothing_there() -> None:
    assert mounted_below(Path("/srv"), MOUNTINFO) == []
