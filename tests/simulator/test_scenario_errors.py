"""Wrong scenarios are refused with one line that names the field and the cure."""

from pathlib import Path

import aiohttp
import pytest

from simulator.scenario import (
    Dtmf,
    HangUp,
    Interrupt,
    Play,
    Say,
    ScenarioError,
    StaySilent,
    WaitForReply,
    WaitForSilence,
    Words,
    load_all,
    load_scenario,
    parse_scenario,
)


def test_reads_every_kind_of_step() -> None:
    scenario = parse_scenario("""
name: all
caller:
  from: "+41441234567"
  steps:
    - say: Hello
    - wait_for_reply
    - wait_for_reply: {timeout_s: 5, silence_ms: 300}
    - interrupt: {after_ms: 800, say: Wait}
    - stay_silent: {seconds: 2}
    - play: {clip: cough.wav, after_ms: 1500}
    - play: {clip: pause.wav, says: [I would like, {text: to book., seconds: 0.8}]}
    - wait_for_silence
    - wait_for_silence: {silence_ms: 2000}
    - dtmf: "12#"
    - hang_up
""")
    assert scenario.caller.from_number == "+41441234567"
    assert scenario.caller.steps == (
        Say("Hello"),
        WaitForReply(),
        WaitForReply(5.0, 300),
        Interrupt(800, "Wait"),
        StaySilent(2.0),
        Play("cough.wav", (), 1500),
        Play("pause.wav", (Words("I would like", None, unfinished=True), Words("to book.", 0.8))),
        WaitForSilence(),
        WaitForSilence(silence_ms=2000),
        Dtmf("12#"),
        HangUp(),
    )


@pytest.mark.parametrize(
    ("text", "field", "cure"),
    [
        ("caller: {steps: []}", "name", "must be text"),
        ("name: x\nagents: {}", "agents", "use one of"),
        ("name: x\ncaller: {from: 123}", "caller.from", "E.164"),
        ("name: x\ncaller: {steps: [{shout: Hi}]}", "caller.steps[1]", "use one of"),
        ("name: x\ncaller: {steps: [{say: Hi}, {dtmf: xyz}]}", "caller.steps[2].dtmf", "keys in quotes"),
        ("name: x\ncaller: {steps: [{stay_silent: long}]}", "caller.steps[1].stay_silent.seconds", "number"),
        ("name: x\ncaller: {steps: [{play: {}}]}", "caller.steps[1].play.clip", "must be text"),
        ("name: x\ncaller: {steps: [{play: {clip: a.mp3}}]}", "caller.steps[1].play.clip", "*.wav"),
        (
            "name: x\ncaller: {steps: [{play: {clip: a.wav, says: [{seconds: 1}]}}]}",
            "play.says[1].text",
            "must be text",
        ),
        ("name: x\ncaller: {steps: [{play: {clip: a.wav, after_ms: soon}}]}", "play.after_ms", "number"),
        ("name: x\nagent: {rules: [{when: [a]}]}", "agent.rules[1]", "add 'say', 'call' or both"),
        ("name: x\nagent: {rules: [{say: Hi}]}", "agent.rules[1].when", "list the words"),
        ("name: x\nagent: {rules: [{when: a, call: {arguments: 3}}]}", "agent.rules[1].call.arguments", "mapping"),
        ("name: x\nagent: {from_prompt: maybe}", "agent.from_prompt", "true or false"),
        ("name: x\nagent: {from_prompt: true, default: Hi}", "agent.default", "remove one of the two"),
        ("name: [x", "YAML", "check the indentation"),
    ],
)
def test_names_the_field_and_the_cure(text: str, field: str, cure: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, source="call.yaml")
    message = str(caught.value)
    assert message.startswith("call.yaml: ")
    assert field in message
    assert cure in message
    assert "\n" not in message


def test_names_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.yaml: cannot be read"):
        load_scenario(tmp_path / "none.yaml")


def test_refuses_two_scenarios_of_the_same_name(tmp_path: Path) -> None:
    for file in ("a.yaml", "b.yaml"):
        (tmp_path / file).write_text("name: twin")
    with pytest.raises(ScenarioError, match=r"b\.yaml: name: 'twin' is taken"):
        load_all(tmp_path)


async def test_control_refuses_what_it_does_not_know(http: aiohttp.ClientSession) -> None:
    wrong = [
        ("/control/scenario", {"yaml": "name: x\ncaller: 3"}, "caller: must be a mapping"),
        ("/control/scenario", {"name": "nowhere"}, "use one of appointment"),
        ("/control/profile", {"name": "fast"}, "use none or published"),
        ("/control/faults", {"stage": "ear", "kind": "hang"}, "use one of stt, llm, tts"),
        ("/control/faults", {"stage": "stt", "kind": "no_audio"}, "for stage tts only"),
        ("/control/faults", {"stage": "llm", "kind": "deaf"}, "for stage stt only"),
        ("/control/faults", {"stage": "stt", "kind": "hang", "after": 3}, "unknown field 'after'"),
        ("/control/faults", {"stage": "stt", "kind": "close_after", "after_s": -1}, "after_s"),
        ("/control/faults", {"stage": "stt", "kind": "refuse", "count": 0}, "count"),
    ]
    for path, body, error in wrong:
        async with http.put(path, json=body) as response:
            assert response.status == 400
            assert error in (await response.json())["error"]
