// A telephone in the page: asks for the microphone, then for a ticket, joins the room, and shows what is said.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("[data-talk]");
  if (page === null) return;
  const find = (name) => page.querySelector(`[data-${name}]`);
  const { LogLevel, Room, RoomEvent, Track, createAudioAnalyser, createLocalAudioTrack, setLogLevel } = LivekitClient;
  setLogLevel(LogLevel.silent); // the page says what goes wrong

  const PROGRESS_MS = 1000;
  const METER_MS = 100;
  const JOIN_MS = 20000; // then nobody has written the call down, and waiting is in vain
  const KEY_CODES = { "*": 10, "#": 11 }; // RFC 4733, 3.2; a digit is its own code
  const REFUSED = {
    NotAllowedError: "The microphone is blocked. Allow it for this page in the browser's address bar, and call again.",
    NotFoundError: "No microphone was found. Connect one, and call again.",
    NotReadableError: "The microphone is in use by another program. Close that program, and call again.",
    OverconstrainedError: "The chosen microphone is gone. Choose another one, and call again.",
  };
  const STATES = {
    joining: "Connecting…",
    queued: "Ringing…",
    connecting: "Ringing…",
    in_progress: "Connected",
  };

  const form = find("call");
  const inCall = find("in-call");
  const microphones = find("microphones");
  const mute = find("mute");
  let call = null; // the one on this page: {room, microphone, began, cleanups}

  const show = (text, tone = "") => {
    const state = find("state");
    if (state.textContent !== text) state.textContent = text;
    state.dataset.tone = tone;
  };

  const listMicrophones = async () => {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const chosen = microphones.value;
    const options = devices
      .filter((device) => device.kind === "audioinput" && device.deviceId !== "" && device.deviceId !== "default")
      .map((device, number) => new Option(device.label || `Microphone ${number + 1}`, device.deviceId));
    microphones.replaceChildren(microphones.options[0], ...options);
    microphones.value = chosen;
    if (microphones.selectedIndex < 0) microphones.selectedIndex = 0;
  };

  const follow = (track, name) => {
    const meter = page.querySelector(`[data-meter="${name}"]`);
    const { calculateVolume, cleanup } = createAudioAnalyser(track, { cloneTrack: false });
    const timer = setInterval(() => (meter.value = Math.min(1, calculateVolume() * 2)), METER_MS);
    call.cleanups.push(() => {
      clearInterval(timer);
      meter.value = 0;
      cleanup();
    });
  };

  const ticket = async () => {
    const answer = await fetch(page.dataset.start, { method: "POST", body: new FormData(form) });
    const isJson = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
    if (!isJson) throw new Error("You are signed out, or may not call. Reload this page.");
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    return told;
  };

  // Takes each step of a call only while it is still the one on this page: somebody may hang up meanwhile.
  const begin = async (mine) => {
    const isOver = () => call !== mine;
    const chosen = microphones.value;
    mine.microphone = await createLocalAudioTrack(chosen ? { deviceId: { exact: chosen } } : {}).catch((error) => {
      throw new Error(REFUSED[error.name] ?? `The microphone cannot be used: ${error.message}`);
    });
    if (isOver()) return mine.microphone.stop();
    mine.cleanups.push(() => mine.microphone.stop());
    await listMicrophones();
    const told = await ticket();
    if (isOver()) return;
    const { room, microphone } = mine;
    room.on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind !== Track.Kind.Audio || isOver()) return;
      document.body.append(track.attach());
      mine.cleanups.push(() => track.detach().forEach((element) => element.remove()));
      follow(track, "agent");
    });
    room.on(RoomEvent.Reconnecting, () => show("The connection is lost: trying again…", "bad"));
    await room.connect(told.url, told.token).catch(() => {
      throw new Error(`The call cannot be connected: ${new URL(told.url).host} does not answer.`);
    });
    if (isOver()) return room.disconnect();
    room.on(RoomEvent.Disconnected, () => !isOver() && over("The call has ended"));
    await room.localParticipant.publishTrack(microphone, { source: Track.Source.Microphone });
    if (isOver()) return;
    follow(microphone, "mine");
    await watch(mine, told.room);
  };

  // Asks what has been said until the call is over, and once more when somebody has hung up, unless another one began.
  const watch = async (mine, name) => {
    const address = page.dataset.progress.replace("/room/", `/${encodeURIComponent(name)}/`);
    for (;;) {
      const text = await fetch(address)
        .then((answer) => (answer.ok ? answer.text() : null))
        .catch(() => null);
      if (call !== null && call !== mine) return;
      if (text !== null) {
        const transcript = find("transcript");
        transcript.innerHTML = text;
        const status = transcript.firstElementChild;
        if (status.hasAttribute("data-over")) return over("The call has ended");
        if (call !== null && call.room.state === "connected") show(STATES[status.dataset.callStatus] ?? "");
        if (status.dataset.callStatus === "joining" && call !== null && Date.now() - call.began > JOIN_MS) {
          return over("Nobody answers: LiveKit's webhooks do not reach the call center.", "bad");
        }
      }
      await new Promise((next) => setTimeout(next, PROGRESS_MS));
    }
  };

  const over = (text, tone = "") => {
    if (call === null) return;
    const { room, cleanups } = call;
    call = null;
    cleanups.forEach((cleanup) => cleanup());
    room.disconnect();
    inCall.hidden = true;
    form.hidden = false;
    mute.setAttribute("aria-pressed", "false");
    show(text, tone);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (call !== null) return;
    const mine = { room: new Room(), microphone: null, began: Date.now(), cleanups: [] };
    call = mine;
    form.hidden = true;
    inCall.hidden = false;
    find("transcript").replaceChildren();
    show("Connecting…");
    try {
      await begin(mine);
    } catch (error) {
      if (call === mine) over(error.message, "bad");
    }
  });

  find("hang-up").addEventListener("click", () => over("You hung up"));

  mute.addEventListener("click", async () => {
    const microphone = call?.microphone;
    if (!microphone) return;
    await (microphone.isMuted ? microphone.unmute() : microphone.mute());
    mute.setAttribute("aria-pressed", String(microphone.isMuted));
  });

  for (const key of page.querySelectorAll("[data-key]")) {
    key.addEventListener("click", () => {
      const digit = key.dataset.key;
      call?.room.localParticipant.publishDtmf(KEY_CODES[digit] ?? Number(digit), digit);
    });
  }

  if (navigator.mediaDevices === undefined) {
    form.querySelector("button").disabled = true;
    show("Browsers allow the microphone on https and on localhost only: open this page that way.", "bad");
  } else {
    listMicrophones();
  }
});
