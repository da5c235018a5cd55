"""What each machine said, out of the events of a play; silence is a failure."""

from collections.abc import Mapping
from typing import Any

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from netspring_provision.events import host_results, message_of, payload_of

FACTS = {"kind": "facts", "n": 1}


def test_a_machine_that_came_to_the_end() -> None:
    events = [samples.event("pc1", result=FACTS), samples.event("pc1"), samples.stats(("pc1",))]
    result = host_results(events, ["pc1"])["pc1"]
    assert result.completed
    assert result.reason is None
    assert result.payloads == {"facts": FACTS}
    assert result.task_results == 2


def test_the_results_keep_the_order_asked_and_leave_strangers_out() -> None:
    found = host_results([samples.stats(("pc9", "pc1"))], ["pc2", "pc1"])
    assert list(found) == ["pc2", "pc1"]


@pytest.mark.parametrize(
    "events",
    [
        [],
        [samples.event("pc1")],
        [samples.event("pc1"), samples.stats(("pc2",))],
        [samples.stats()],
        [{"event": "playbook_on_stats", "event_data": {}}],
        [{"event": "playbook_on_stats"}],
        [{}],
    ],
    ids=str,
)
def test_silence_is_a_failure(events: list[Mapping[str, Any]]) -> None:
    result = host_results(events, ["pc1"])["pc1"]
    assert not result.completed
    assert result.reason == "nothing was heard of it to the end of the run"


def test_an_unreachable_machine_is_set_aside_and_the_others_finish() -> None:
    events = [
        samples.event("pc1", "runner_on_unreachable", msg="Connection timed out", unreachable=True),
        samples.event("pc2", result=FACTS),
        samples.stats(("pc2",), dark={"pc1": 1}),
    ]
    found = host_results(events, ["pc1", "pc2"])
    assert found["pc1"].reason == "stopped answering: Connection timed out"
    assert not found["pc1"].completed
    assert found["pc2"].reason is None


def test_the_first_failure_is_the_reason() -> None:
    events = [
        samples.event("pc1", "runner_on_failed", msg="no space"),
        samples.event("pc1", "runner_on_failed", msg="later"),
        samples.stats(failures={"pc1": 1}),
    ]
    assert host_results(events, ["pc1"])["pc1"].reason == "no space"


def test_a_recap_that_says_good_does_not_outweigh_a_failure() -> None:
    for name in ("runner_on_failed", "runner_on_unreachable"):
        events = [samples.event("pc1", name, msg="bad"), samples.stats(("pc1",))]
        assert not host_results(events, ["pc1"])["pc1"].completed


def test_a_recap_that_says_bad_outweighs_good_results() -> None:
    for group in ("failures", "dark"):
        events = [samples.event("pc1"), samples.stats(**{group: {"pc1": 1}})]
        assert host_results(events, ["pc1"])["pc1"].reason


def test_a_failure_that_the_playbook_ignores_is_none() -> None:
    ignored = samples.event("pc1", "runner_on_failed", msg="never mind")
    ignored["event_data"]["ignore_errors"] = True
    assert host_results([ignored, samples.stats(("pc1",))], ["pc1"])["pc1"].completed


def test_the_last_payload_of_a_kind_counts_also_from_a_failed_task() -> None:
    events = [
        samples.event("pc1", result={"kind": "wipe", "n": 1}),
        samples.event("pc1", "runner_on_failed", msg="x", result={"kind": "wipe", "n": 2}),
        samples.event("pc2", result={"kind": "wipe", "n": 3}),
    ]
    assert host_results(events, ["pc1"])["pc1"].payloads == {"wipe": {"kind": "wipe", "n": 2}}


def test_a_retry_is_no_result() -> None:
    retry = samples.event("pc1", "runner_retry", result={"kind": "wipe", "disks": []})
    assert host_results([retry], ["pc1"])["pc1"].payloads == {}


@pytest.mark.parametrize(
    "res", [None, [], "text", {}, {"netspring_result": "facts"}, {"netspring_result": {"kind": 1}}]
)
def test_what_is_not_ours_is_no_payload(res: Any) -> None:
    event = {"event": "runner_on_ok", "event_data": {"host": "pc1", "res": res}}
    assert payload_of(event) is None
    assert host_results([event], ["pc1"])["pc1"].payloads == {}


odd = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just({}) | st.just([])
names = st.sampled_from(
    ["runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_retry", "verbose"]
)


@given(st.lists(st.tuples(names, st.sampled_from(["pc1", "pc2", "pc3"]), odd)), st.booleans())
def test_every_asked_machine_has_exactly_one_result(
    told: list[tuple[str, str, Any]], ended: bool
) -> None:
    events: list[dict[str, Any]] = [
        {"event": name, "event_data": {"host": host, "res": res}} for name, host, res in told
    ]
    events += [samples.stats(("pc1", "pc2"))] if ended else []
    found = host_results(events, ["pc1", "pc2"])
    assert list(found) == ["pc1", "pc2"]
    for host, result in found.items():
        bad = {"runner_on_failed", "runner_on_unreachable"}
        clean = ended and not any(h == host and name in bad for name, h, _ in told)
        assert (result.reason is None) == result.completed == clean


@pytest.mark.parametrize(
    ("res", "said"),
    [
        ({"msg": "disk full\nmore"}, "disk full"),
        ({"msg": "", "stderr": "a\nlast line\n"}, "last line"),
        ({"module_stdout": "Traceback\nKeyError: 1"}, "KeyError: 1"),
        ({"msg": "  \n"}, "a task failed and said nothing"),
        ({}, "a task failed and said nothing"),
        ({"msg": "x" * 600}, "x" * 500),
    ],
    ids=lambda x: str(x)[:30],
)
def test_the_sentence_a_person_can_use(res: dict[str, Any], said: str) -> None:
    assert message_of(res) == said
