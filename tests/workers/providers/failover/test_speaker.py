"""Who speaks, when the caller interrupts before anybody does, and when every voice breaks off."""

import asyncio
from dataclasses import replace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from pipecat.frames.frames import TTSAudioRawFrame

from workers.providers import circuits
from workers.providers.failover import outage
from workers.providers.failover import speaker as speaker_module
from workers.providers.failover.speaker import Speaker
from workers.providers.synthesizer import SpeechFailed
from workers.providers.targets import Target

TARGET = Target("tts", "elevenlabs", "eleven_flash_v2_5", "http://127.0.0.1:1", "key", "rachel")
BOTH = [TARGET, replace(TARGET, model="eleven_turbo_v2_5")]


@pytest.fixture(autouse=True)
def fresh_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "providers", circuits.Health())


class SlowVoice:
    """A voice whose vendor takes the connection and says nothing."""

    def __init__(self) -> None:
        self.asked, self.dropped = asyncio.Event(), False

    async def connect(self, _setup: Any) -> None:
        self.asked.set()
        await asyncio.Event().wait()

    async def drop(self) -> None:
        self.dropped = True


async def test_a_connection_that_nobody_waits_for_any_more_is_dropped() -> None:
    voice: Any = SlowVoice()
    speaker = Speaker([TARGET], lambda _target, _listener: voice, Mock())
    connecting = asyncio.create_task(speaker.start(Mock()))
    await voice.asked.wait()

    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting

    assert voice.dropped


class VoiceThatBreaksOff:
    """A voice that is cut off after the first 100 ms of each text."""

    is_timed = True

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self.connect, self.drop, self.finish = AsyncMock(), AsyncMock(), AsyncMock()

    async def say(self, context_id: str, _text: str) -> None:
        await self._listener.begun(self, context_id)
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._break_off(context_id)))

    async def _break_off(self, context_id: str) -> None:
        await self._listener.audio(self, context_id, TTSAudioRawFrame(bytes(3200), 16000, 1))
        await self._listener.failed(self, "the connection was closed")


@pytest.mark.parametrize("targets", [BOTH, BOTH[:1]], ids=["two", "one"])
async def test_voices_that_break_off_within_a_word_do_not_take_turns_for_ever(targets: list[Target]) -> None:
    given_up = asyncio.Event()
    speech: Any = AsyncMock()
    speech.position_s = Mock(return_value=0.0)
    speech.given_up.side_effect = lambda *_: given_up.set()
    speaker = Speaker(targets, lambda _target, listener: cast(Any, VoiceThatBreaksOff(listener)), speech)
    await speaker.start(Mock())

    await speaker.say("context", "We are open from nine to five.")

    await asyncio.wait_for(given_up.wait(), 5)
    assert speech.speech_came.await_count == 2
    speech.fell_mute.assert_not_awaited()


class MuteVoice:
    """A voice that takes the text and gives no sound, as long as there are `connections` of that kind left."""

    is_timed = True
    connections = 1

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self.connect, self.drop, self.cleanup = AsyncMock(), AsyncMock(), AsyncMock()
        self.said: list[str] = []
        self._is_mute = MuteVoice.connections > 0
        MuteVoice.connections -= 1

    async def say(self, context_id: str, text: str) -> None:
        self.said.append(text)
        await self._listener.begun(self, context_id)
        if not self._is_mute:
            words = [(word, 0.0) for word in text.split()]
            await self._listener.words(self, context_id, words, carry_spaces=False)
            await self._listener.audio(self, context_id, TTSAudioRawFrame(bytes(32000), 16000, 1))


class Mutes:
    """A speaker with mute voices. `made` are the connections so far; `over` is set when one has spoken, or none can."""

    def __init__(self, targets: list[Target]) -> None:
        self.made: list[MuteVoice] = []
        self.over = asyncio.Event()
        self.speech: Any = AsyncMock()
        self.speech.position_s = Mock(return_value=0.0)
        for end in (self.speech.speech_came, self.speech.given_up):
            end.side_effect = lambda *_: self.over.set()
        self.speaker = Speaker(targets, self._make, self.speech)

    def _make(self, _target: Target, listener: Any) -> Any:
        self.made.append(MuteVoice(listener))
        return self.made[-1]

    async def say(self, text: str) -> None:
        await self.speaker.start(Mock())
        await self.speaker.say("context", text)
        await asyncio.wait_for(self.over.wait(), 5)
        await self.speaker.stop()


async def test_a_mute_voice_without_another_says_its_words_on_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_module, "AUDIO_WITHIN_S", 0.05)
    monkeypatch.setattr(MuteVoice, "connections", 1)
    mutes = Mutes([TARGET])

    await mutes.say("We are open from nine to five.")

    assert [[text.strip() for text in voice.said] for voice in mutes.made] == [["We are open from nine to five."]] * 2
    mutes.made[0].drop.assert_awaited_once()
    mutes.speech.fell_mute.assert_awaited_once_with(TARGET)
    mutes.speech.given_up.assert_not_awaited()
    mutes.speech.failed_over.assert_not_awaited()


async def test_a_voice_that_stays_mute_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_module, "AUDIO_WITHIN_S", 0.05)
    monkeypatch.setattr(MuteVoice, "connections", 1000)
    mutes = Mutes([TARGET])

    await mutes.say("We are open from nine to five.")

    assert len(mutes.made) == 2
    assert mutes.speech.fell_mute.await_count == 2
    mutes.speech.given_up.assert_awaited_once()


async def test_a_mute_voice_is_replaced_by_another_one_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_module, "AUDIO_WITHIN_S", 0.05)
    monkeypatch.setattr(MuteVoice, "connections", 1)
    mutes = Mutes(BOTH)

    await mutes.say("We are open from nine to five.")

    mutes.speech.fell_mute.assert_awaited_once_with(BOTH[0])
    mutes.speech.failed_over.assert_awaited_once_with(BOTH[0], BOTH[1], "no audio in time")


class VoiceOutOfReach:
    """A voice that cannot be reached for a while."""

    is_timed = True
    refusals = 3

    def __init__(self) -> None:
        self.drop, self.say = AsyncMock(), AsyncMock()

    async def connect(self, _setup: Any) -> None:
        if VoiceOutOfReach.refusals:
            VoiceOutOfReach.refusals -= 1
            raise SpeechFailed("cannot connect")


async def _joined(speech: Any) -> tuple[Speaker, list[Any]]:
    """The speaker of an agent that joins with two such voices, and those that it has tried."""
    voices: list[Any] = []

    def make(_target: Target, _listener: Any) -> Any:
        voices.append(VoiceOutOfReach())
        return voices[-1]

    speaker = Speaker(BOTH, make, speech)
    await speaker.start(Mock())
    return speaker, voices


async def test_a_short_outage_of_every_voice_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoiceOutOfReach, "refusals", 3)
    monkeypatch.setattr(outage, "AGAIN_AFTER_S", 0.01)
    speech: Any = AsyncMock()
    speaker, voices = await _joined(speech)

    await speaker.say("context", "We are open from nine to five.")

    assert len(voices) == 4
    voices[-1].say.assert_awaited_once_with("context", "We are open from nine to five.")
    speech.given_up.assert_not_awaited()


async def test_an_outage_while_the_agent_joins_is_over_for_its_first_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoiceOutOfReach, "refusals", 2)
    monkeypatch.setattr(outage, "TRIES_FOR_S", 0.05)
    speech: Any = AsyncMock()
    speaker, voices = await _joined(speech)
    await asyncio.sleep(0.1)  # longer than an outage is waited out

    await speaker.say("context", "We are open from nine to five.")

    voices[-1].say.assert_awaited_once()
    speech.given_up.assert_not_awaited()


class VoiceThatIsCutOff(VoiceOutOfReach):
    """A voice whose connection is lost as soon as it is asked for something, while it cannot be reached."""

    def __init__(self, listener: Any, said: asyncio.Event) -> None:
        super().__init__()
        self._listener, self._said = listener, said
        self.say = AsyncMock(side_effect=self._say)

    async def _say(self, *_: str) -> None:
        if VoiceOutOfReach.refusals:
            await self._listener.failed(self, "the connection was closed")
        else:
            self._said.set()


async def test_a_voice_whose_connection_was_lost_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoiceOutOfReach, "refusals", 0)
    monkeypatch.setattr(outage, "AGAIN_AFTER_S", 0.01)
    said = asyncio.Event()
    speech: Any = AsyncMock()
    speaker = Speaker(BOTH, lambda _target, listener: cast(Any, VoiceThatIsCutOff(listener, said)), speech)
    await speaker.start(Mock())
    monkeypatch.setattr(VoiceOutOfReach, "refusals", 3)  # of both, and of the first once more

    await speaker.say("context", "We are open from nine to five.")

    await asyncio.wait_for(said.wait(), 5)
    speech.given_up.assert_not_awaited()


async def test_voices_that_stay_out_of_reach_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoiceOutOfReach, "refusals", 1000)
    monkeypatch.setattr(outage, "AGAIN_AFTER_S", 0.01)
    monkeypatch.setattr(outage, "TRIES_FOR_S", 0.1)
    speech: Any = AsyncMock()
    speaker = Speaker([TARGET], lambda _target, _listener: cast(Any, VoiceOutOfReach()), speech)
    await speaker.start(Mock())

    await speaker.say("context", "We are open from nine to five.")

    assert speaker.is_down
    speech.given_up.assert_awaited_once()
