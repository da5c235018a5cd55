"""Every check passes on what a good PC answered, and fails on the fault it is there for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import check_samples as samples
import pytest

from netspring_provision.checks.expectation import Expectation

Change = Callable[[dict[str, Any]], object]

LITE = samples.expectation("lite")
REQUIRED = LITE.required


def disk(number: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda facts: facts["disks"][number]  # type: ignore[no-any-return]


def second_disk(**changes: Any) -> Change:
    """A further, blank disk, with these differences."""

    def add(facts: dict[str, Any]) -> None:
        blank = {
            "name": "sdb", "path": "/dev/sdb", "size": 10**9, "serial": "S2", "model": "M",
            "bus": "usb", "removable": False, "table": None, "filesystem": None,
            "partitions": [], "installed": False,
            "sample": {"bytes": 1000, "with_data": 0, "with_mark": 0, "errors": 0},
        }  # fmt: skip
        blank.update(changes)
        facts["disks"].append(blank)

    return add


def partition(label: str) -> Change:
    return lambda facts: facts["disks"][0]["partitions"].append(
        {"name": "sda6", "size": 1, "partlabel": label, "fstype": "ntfs", "label": None}
    )


def listener(protocol: str, port: str, program: str) -> Change:
    return lambda facts: facts["network"]["listeners"].append(
        {"protocol": protocol, "address": "0.0.0.0", "port": port, "program": program}  # noqa: S104
    )


def key(path: str, text: str = "ssh-ed25519 AAAA") -> Change:
    return lambda facts: facts["leftovers"]["keys"].append({"path": path, "key": text})


def act(app: str, **changes: Any) -> Change:
    return lambda desktop: desktop["apps"][app]["act"].update(changes)


UNSEEN = {"unobserved": "RuntimeError: xdotool is missing"}
# Check, what is changed in the machine's answer, and words that must be in the failure.
SYSTEM_FAULTS: list[tuple[str, Change, str]] = [
    ("machine_itself_answers", lambda f: f["identity"].update(uuid="other"), "uuid is 'other'"),
    ("machine_itself_answers", lambda f: f["identity"].update(serial="X9"), "serial is 'X9'"),
    ("image_is_the_expected_one", lambda f: f["image"].update(profile="core"), "profile is 'core'"),
    ("image_is_the_expected_one", lambda f: f["image"].update(name="old"), "name is 'old'"),
    ("hostname_is_the_inventorys", lambda f: f["identity"].update(hostname="pc-9"), "'pc-9'"),
    ("hostname_is_the_inventorys", lambda f: f["identity"].update(etc_hostname=None), "/etc/host"),
    ("asset_tag_is_the_inventorys", lambda f: f["identity"].update(asset_tag=None), "is None"),
    ("machine_id_is_its_own", lambda f: f["identity"].update(machine_id=None), "holds ''"),
    ("machine_id_is_its_own", lambda f: f["identity"].update(machine_id="0" * 32), "holds '000"),
    ("machine_id_is_its_own", lambda f: f["identity"].update(machine_id="uninitialized"), "unini"),
    ("ssh_host_key_is_its_own", lambda f: f["identity"].update(ssh_host_keys=[]), "Ed25519"),
    ("boots_from_its_own_disk", lambda f: f["boot"].update(root=None), "None"),
    ("boots_from_its_own_disk", lambda f: f["boot"]["root"].update(partlabel="sda1"), "'sda1'"),
    ("boots_from_its_own_disk", lambda f: f["boot"]["root"].update(fstype="overlay"), "'overlay'"),
    ("boots_from_its_own_disk", lambda f: f["boot"]["root"].update(options="ro"), "read-only"),
    ("boots_from_its_own_disk", lambda f: f["boot"].update(cmdline="root=/dev/sda4"), "root=UUID"),
    ("is_not_the_live_environment", lambda f: f["boot"].update(live_marker=True), "/run/netspring"),
    ("is_not_the_live_environment", lambda f: f["boot"].update(live_token=True), "live token"),
    ("boots_by_the_expected_firmware", lambda f: f["boot"].update(firmware="bios"), "by bios"),
    ("fstab_names_its_own_disk", lambda f: f["boot"].update(fstab=[]), "[] for /"),
    (
        "fstab_names_its_own_disk",
        lambda f: f["boot"]["fstab"][0].update(spec="UUID=0bad"),
        "0bad",
    ),
    ("services_are_well", lambda f: f["units"].update(failed=["a.service"]), "failed: a.service"),
    ("services_are_well", lambda f: f["units"].update(state="degraded"), "'degraded'"),
    ("services_are_well", lambda f: f["units"].update(state="starting"), "'starting'"),
    (
        "kernel_has_no_disk_errors",
        lambda f: f["kernel"].update(disk_errors=["I/O error, dev sda, sector 9"]),
        "dev sda, sector 9",
    ),
    ("clock_is_right", lambda f: f["clock"].update(epoch=f["station"]["asked"] - 3600), "-3600 s"),
    ("clock_is_right", lambda f: f["clock"].update(epoch=f["station"]["answered"] + 400), "+400 s"),
    ("memory_is_enough", lambda f: f["memory"].update(bytes=10**9), "1.00 GB"),
    ("swap_is_compressed_memory", lambda f: f["memory"].update(swaps=[]), "no zram"),
    ("swap_is_compressed_memory", lambda f: f["memory"]["swaps"].append("/dev/sda3"), "sda3"),
    ("root_fills_its_partition", lambda f: f["grown"].update(filesystem_bytes=10**9), "1.00 GB"),
    ("disk_has_free_space", lambda f: f["boot"]["root"].update(avail=10**6), "/ has 1 MB"),
    ("disk_has_free_space", lambda f: f["boot"].update(home=None), "/home has 0 MB"),
    ("home_is_a_partition_of_its_own", lambda f: f["boot"].update(home=None), "None"),
    ("pupil_can_save", lambda f: f["pupil"].update(exists=False), "does not exist"),
    ("pupil_can_save", lambda f: f["pupil"].update(wrote=False, stderr="Denied"), "Denied"),
    ("pupil_can_save", lambda f: f["pupil"].update(partlabel="netspring-root"), "netspring-root"),
    ("only_our_partitions", partition("Basic data partition"), "foreign partition 'Basic"),
    ("only_our_partitions", partition("netspring-home"), "netspring-home is there twice"),
    ("only_our_partitions", lambda f: disk(0)(f)["partitions"].pop(), "is missing"),
    ("only_our_partitions", lambda f: disk(0)(f).update(installed=False), "from 0 disks"),
    ("other_disks_are_blank", second_disk(table="dos"), "a dos partition table"),
    ("other_disks_are_blank", second_disk(filesystem="ntfs"), "a ntfs file system"),
    ("other_disks_are_blank", second_disk(partitions=[{}]), "1 partitions"),
    (
        "other_disks_are_blank",
        second_disk(sample={"bytes": 9, "with_data": 3, "with_mark": 0, "errors": 0}),
        "(usb) holds data in 3 samples",
    ),
    ("nothing_of_a_former_owner", lambda f: f["disks"].clear(), "no disks"),
    ("nothing_of_a_former_owner", lambda f: disk(0)(f)["sample"].update(with_mark=2), "old data"),
    ("nothing_of_a_former_owner", lambda f: disk(0)(f)["sample"].update(errors=1), "not be read"),
    ("nothing_of_a_former_owner", lambda f: disk(0)(f)["sample"].update(bytes=0), "nothing was"),
    (
        "nothing_half_done_is_left",
        lambda f: f["leftovers"]["traces"].append("/usr/sbin/policy-rc.d"),
        "policy-rc.d is there",
    ),
    ("nothing_half_done_is_left", lambda f: f["leftovers"]["archives"].append("a.deb"), "a.deb"),
    ("nothing_half_done_is_left", lambda f: f["leftovers"]["lists"].append("Packages"), "Packages"),
    ("nothing_half_done_is_left", lambda f: f["leftovers"]["proxies"].append("p"), "a proxy"),
    ("no_secrets_of_the_station", lambda f: f["leftovers"]["secrets"].append("/x"), "in /x"),
    ("nothing_half_done_is_left", lambda f: f["leftovers"]["logs"].append("/v/l"), "by the build"),
    (
        "no_secrets_of_the_station",
        key("/root/.ssh/authorized_keys", "ssh-rsa B"),
        "not the station",
    ),
    ("no_secrets_of_the_station", key("/home/pupil/.ssh/authorized_keys"), "in /home/pupil/.ssh"),
    ("disks_are_healthy", lambda f: f["drives"][0].update(failing=True), "failing (SMART)"),
    ("disks_are_healthy", lambda f: f["drives"][0].update(failing_now=1), "failing (SMART)"),
    ("disks_are_healthy", lambda f: f["drives"][0].update(warnings=["spare"]), "warns: spare"),
    ("disks_are_healthy", lambda f: f["drives"][0].update(updated=0), "does not give its record"),
    ("disks_are_healthy", lambda f: f["drives"].clear(), "no disk is known"),
    ("disks_are_healthy", lambda f: f.update(drives=UNSEEN), "could not be observed"),
    ("parts_are_known", lambda f: f.update(hardware=UNSEEN), "could not be observed"),
    ("works_outlive_a_reset", lambda f: f["works"].update(link=None), "no link ~/.works"),
    ("works_outlive_a_reset", lambda f: f["works"].update(folder=None), "is not there"),
    ("works_outlive_a_reset", lambda f: f["works"].update(wrote=False, stderr="full"), ": full"),
    ("works_outlive_a_reset", lambda f: f["works"].update(partlabel="netspring-root"), "-root'"),
    ("works_outlive_a_reset", lambda f: f["works"]["xdg"].update(MUSIC="/x"), "save music in /x"),
    ("files_are_nobody_elses", lambda f: f["foreign"]["folders"].append("/home/bob"), "/home/bob"),
    ("files_are_nobody_elses", lambda f: f["foreign"]["owners"].append("/h/x"), "somebody else"),
    ("files_are_nobody_elses", lambda f: f["foreign"]["old"].append("/h/tax.pdf"), "/h/tax.pdf"),
    ("files_are_nobody_elses", lambda f: f["foreign"]["elsewhere"].append("/srv/a"), "/srv/a"),
    ("accounts_are_ours", lambda f: f["people"]["persons"].update(bob=1007), "stranger: bob"),
    ("accounts_are_ours", lambda f: f["people"]["roots"].append("toor"), "toor is an admin"),
    ("accounts_are_ours", lambda f: f["people"]["by_password"].append("pupil"), "by password"),
    ("accounts_are_ours", lambda f: f["people"]["without_password"].append("x"), "x needs no"),
    ("accounts_are_ours", lambda f: f["people"]["admin_groups"].update(pupil=["adm"]), "group adm"),
    ("packages_are_the_images", lambda f: f["packages"]["installed"].pop("bash"), "missing: bash"),
    (
        "packages_are_the_images",
        lambda f: f["packages"]["installed"].update(bash="0"),
        "other version: bash 0",
    ),
    ("packages_are_the_images", lambda f: f["packages"]["installed"].update(zz="1"), "added: zz"),
    ("packages_are_the_images", lambda f: f["packages"].update(half_done=["iU a"]), "iU a"),
    ("language_is_the_rooms", lambda f: f["locale"].update(lang="en_US.UTF-8"), "en_US"),
    ("language_is_the_rooms", lambda f: f["locale"]["unlike"].append("/etc/xdg/a"), "/etc/xdg/a"),
    ("language_is_the_rooms", lambda f: f["locale"].update(available=["C"]), "not generated"),
    ("only_ssh_listens", listener("tcp", "631", "cupsd"), "cupsd listens on tcp port 631"),
    ("only_ssh_listens", listener("udp", "5353", "avahi"), "avahi listens on udp port 5353"),
    ("only_ssh_listens", lambda f: f["network"].update(listeners=[]), "sshd does not listen"),
    (
        "nobody_enters_by_password",
        lambda f: f["network"]["sshd"].update(passwordauthentication="yes"),
        "accepts passwords",
    ),
    (
        "nobody_enters_by_password",
        lambda f: f["network"]["sshd"].update(permitrootlogin="yes"),
        "root may log in: yes",
    ),
    ("firewall_is_on", lambda f: f["firewall"]["input"].clear(), "by [], expected drop"),
    ("firewall_is_on", lambda f: f["firewall"]["input"][0].update(policy="accept"), "['accept']"),
    ("network_has_an_address", lambda f: f["network"].update(addresses=[]), "no network card"),
    ("network_has_an_address", lambda f: f["identity"].update(resolves_to=[]), "leads nowhere"),
]

DESKTOP_FAULTS: list[tuple[str, Change, str]] = [
    ("desktop_comes_up", lambda d: d.update(display_manager="failed"), "'failed'"),
    ("desktop_comes_up", lambda d: d.update(seconds=121.0), "took 121.0 s"),
    ("desktop_comes_up", lambda d: d.update(seconds=None), "took None s"),
    ("desktop_comes_up", lambda d: d.update(seconds=361.0, emulated=True), "may take 360 s"),
    ("desktop_comes_up", lambda d: d.update(xserver=False), "no X server"),
    ("desktop_comes_up", lambda d: d.update(panel=None, error="no panel"), "no panel"),
    ("desktop_speaks_the_rooms_language", lambda d: d["environment"].update(LANG="C"), "LANG='C'"),
    (
        "screen_shows_a_picture",
        lambda d: d["screen"].update(variety={"colours": 1, "commonest_share": 1.0}),
        "1 colours, 100.0%",
    ),
    ("screen_shows_a_picture", lambda d: d["screen"].update(size=[640, 480]), "640 x 480"),
    ("screen_shows_a_picture", lambda d: d.pop("screen"), "nothing about screen"),
    ("chinese_has_a_font", lambda d: d.update(fonts=[], font=["DejaVu Sans"]), "no font has"),
    ("chinese_has_a_font", lambda d: d.update(font=["DejaVu Sans"]), "DejaVu Sans"),
    ("chinese_can_be_typed", lambda d: d["processes"].remove("fcitx5"), "fcitx5 does not run"),
    ("chinese_can_be_typed", lambda d: d.update(fcitx=[]), "does not answer"),
    ("chinese_can_be_typed", lambda d: d.update(input_methods=["keyboard-us"]), "no pinyin"),
    ("chinese_can_be_typed", lambda d: d["environment"].update(XMODIFIERS=None), "XMODIFIERS"),
    ("chinese_can_be_typed", act("featherpad", text="nihao"), "became 'nihao'"),
    ("chinese_can_be_typed", lambda d: d["apps"]["featherpad"].pop("act"), "became None"),
    ("chinese_can_be_typed", lambda d: d["apps"]["featherpad"].update(act=UNSEEN), "xdotool is"),
    ("chinese_can_be_typed", lambda d: d["apps"].pop("featherpad"), "became None"),
    ("sound_is_heard", lambda d: d["sound"].update(sink="auto_null"), "no loudspeaker"),
    ("sound_is_heard", lambda d: d.update(sound={"sink": None}), "no loudspeaker"),
    ("sound_is_heard", lambda d: d["sound"].update(muted=True), "is muted"),
    ("sound_is_heard", lambda d: d["sound"].update(volume=0.01), "turned down to 1%"),
    ("sound_is_heard", lambda d: d["sound"].update(volume=None, share=0.9), "turned down to 0%"),
    ("sound_is_heard", lambda d: d["sound"].update(share=0.1), "did not come there: 10%"),
    ("sound_is_heard", lambda d: d["sound"].update(loudness=0.001), "did not come there"),
    ("sound_is_heard", lambda d: d.update(sound=UNSEEN), "xdotool is missing"),
    ("app_works[tuxpaint]", act("tuxpaint", line=0.5), "of which 50% is on the screen"),
    ("app_works[mypaint]", act("mypaint", beside=0.9), "90% of what is beside the line"),
    ("app_works[tuxpaint]", lambda d: d["apps"]["tuxpaint"].update(act=UNSEEN), "xdotool is"),
    ("app_works[tuxpaint]", lambda d: d["apps"]["tuxpaint"].pop("act"), "nothing was tried in it"),
    ("app_works[tuxpaint]", lambda d: d.update(error="no session"), "no session"),
    ("app_works[scratch]", act("scratch", moved=[0, 0]), "the cat moved by 0, 0 pixels"),
    ("app_works[scratch]", act("scratch", moved=[60, 40]), "the cat moved by 60, 40 pixels"),
    ("app_works[scratch]", act("scratch", moved=None), "the cat is gone"),
    ("app_works[scratch]", act("scratch", cat=None, moved=None), "no cat"),
    ("app_works[kturtle]", act("kturtle", after=0, size=None), "drew no square: 0 pixels"),
    ("app_works[kturtle]", act("kturtle", size=[106, 12]), "within 106 x 12"),
    ("app_works[thonny]", act("thonny", after=128 * 128), "drew no square"),
    (
        "app_works[screen_picture]",
        act("screen_picture", pictures=[]),
        "no picture as large as the screen",
    ),
    ("app_works[screen_picture]", act("screen_picture", pictures=[[9, 9, 200]]), "no picture as"),
    ("app_works[screen_picture]", act("screen_picture", pictures=[[1024, 768, 1]]), "one colour"),
    ("app_works[thonny]", act("thonny", before=9), "9 pixels of the turtle's colour"),
    ("app_opens[tuxpaint]", lambda d: d["apps"].pop("tuxpaint"), "was not tried"),
    ("app_opens[kturtle]", lambda d: d["apps"]["kturtle"].update(window=None), "no window"),
    ("app_opens[thonny]", lambda d: d["apps"]["thonny"].update(error="it ended"), "it ended"),
    ("app_opens[mypaint]", lambda d: d["apps"]["mypaint"].update(closed=False), "not be closed"),
    (
        "app_opens[gcompris]",
        lambda d: d["apps"]["gcompris"]["variety"].update(colours=1),
        "only 1 colours",
    ),
    ("app_opens[gcompris]", lambda d: d["apps"]["gcompris"].update(filled=False), "stayed empty"),
    ("app_opens[help]", lambda d: d["apps"]["help"]["window"].update(size=[420, 160]), "a message"),
    ("app_opens[tuxpaint]", lambda d: d.update(error="no session"), "no session"),
]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_good_machine_passes(name: str) -> None:
    properties = samples.put(
        name, LITE, samples.recorded("lite-facts"), samples.recorded("lite-desktop")
    )
    assert properties["seen"]


def test_a_good_machine_without_a_desktop_passes() -> None:
    core = samples.expectation("core")
    for name in core.required:
        samples.put(name, core, samples.recorded("core-facts"), {})
    assert not [name for name in core.required if "desktop" in name or "app" in name]


@pytest.mark.parametrize(("name", "change", "words"), SYSTEM_FAULTS)
def test_a_fault_of_the_system_fails_its_check(name: str, change: Change, words: str) -> None:
    facts = samples.recorded("lite-facts")
    change(facts)
    with pytest.raises(pytest.fail.Exception) as failed:
        samples.put(name, LITE, facts, {})
    assert words in str(failed.value)


@pytest.mark.parametrize(("name", "change", "words"), DESKTOP_FAULTS)
def test_a_fault_of_the_desktop_fails_its_check(name: str, change: Change, words: str) -> None:
    desktop = samples.recorded("lite-desktop")
    change(desktop)
    with pytest.raises(pytest.fail.Exception) as failed:
        samples.put(name, LITE, samples.recorded("lite-facts"), desktop)
    assert words in str(failed.value)


def test_every_check_has_a_fault_here() -> None:
    tried = {name.partition("[")[0] for name, _, _ in [*SYSTEM_FAULTS, *DESKTOP_FAULTS]}
    assert tried == set(samples.functions())


@pytest.mark.parametrize("name", REQUIRED)
def test_a_machine_that_says_nothing_passes_no_check(name: str) -> None:
    with pytest.raises((pytest.fail.Exception, KeyError)):
        samples.put(name, LITE, {}, {})


@pytest.mark.parametrize(
    "part", ["units", "kernel", "disks", "boot", "leftovers", "network", "packages", "clock"]
)
def test_what_could_not_be_observed_fails(part: str) -> None:
    facts = samples.recorded("lite-facts")
    facts[part] = {"unobserved": "RuntimeError: no such tool"}
    failed = []
    for name in REQUIRED:
        try:
            samples.put(name, LITE, facts, samples.recorded("lite-desktop"))
        except pytest.fail.Exception as error:
            failed.append(str(error))
    assert failed
    assert all("no such tool" in words for words in failed)


@pytest.mark.parametrize(
    ("name", "without", "words"),
    [
        ("packages_are_the_images", {"packages": None}, "manifest is not known"),
        ("packages_are_the_images", {"packages": {}}, "lists no packages"),
        ("language_is_the_rooms", {"locale": None}, "which language"),
        ("no_secrets_of_the_station", {"station_key": None}, "is not known to the check"),
        (
            "machine_itself_answers",
            {"uuid": None, "serial": None, "asset_tag": None},
            "neither UUID, serial nor asset tag",
        ),
    ],
)
def test_nothing_to_compare_with_is_not_a_pass(
    name: str, without: dict[str, Any], words: str
) -> None:
    expected: Expectation = dataclasses.replace(LITE, **without)
    with pytest.raises(pytest.fail.Exception) as failed:
        samples.put(name, expected, samples.recorded("lite-facts"), {})
    assert words in str(failed.value)


def test_dhcp_clients_and_local_listeners_are_no_fault() -> None:
    facts = samples.recorded("lite-facts")
    listener("udp", "68", "NetworkManager")(facts)
    second_disk()(facts)
    for name in ("only_ssh_listens", "other_disks_are_blank"):
        samples.put(name, LITE, facts, {})
