// What a supervisor does in the chosen call: listen, whisper, take over, hand back, take notes, hang up.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const desk = document.querySelector("[data-desk]");
  const tools = desk?.querySelector("[data-supervise]");
  if (!tools) return;
  const find = (name) => tools.querySelector(`[data-${name}]`);
  const { LogLevel, Room, RoomEvent, Track, createLocalAudioTrack, setLogLevel } = LivekitClient;
  setLogLevel(LogLevel.silent); // the page says what goes wrong

  const SURE_MS = 4000; // for the second click on "Hang up"
  const MAY_SPEAK_MS = 3000;
  const csrf = tools.querySelector("[name=csrfmiddlewaretoken]").value;
  let id = ""; // of the chosen call
  let stay = null; // in its room: {room, identity, microphone, sounds}

  const say = (text, tone = "") => {
    const said = find("said");
    said.textContent = text;
    said.dataset.tone = tone;
  };

  const post = async (action, body = {}) => {
    const answer = await fetch(`${tools.dataset.api}${id}/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
      body: JSON.stringify(body),
    });
    const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
    const told = isJson ? await answer.json() : {};
    if (!answer.ok) throw new Error(told.detail ?? Object.values(told).flat().join(" ") ?? "The call center refused.");
    return told;
  };

  // Tells what went wrong; true when nothing did.
  const tried = async (step) => {
    try {
      await step();
      return true;
    } catch (error) {
      say(error.message, "bad");
      return false;
    }
  };

  // --- In the call's room --------------------------------------------------------------------------------------------

  const listen = async () => {
    const told = await post("listen");
    const mine = { room: new Room(), identity: told.identity, microphone: null, sounds: [] };
    stay = mine;
    mine.room.on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind !== Track.Kind.Audio) return;
      const sound = track.attach();
      mine.sounds.push(sound);
      document.body.append(sound);
    });
    mine.room.on(RoomEvent.Disconnected, () => stay === mine && leave());
    try {
      await mine.room.connect(told.url, told.token);
    } catch {
      if (stay === mine) leave();
      throw new Error(`The call cannot be heard: ${new URL(told.url).host} does not answer.`);
    }
    if (stay !== mine) return mine.room.disconnect();
    show();
    say("You hear the call. Nobody notices.");
  };

  const leave = () => {
    const left = stay;
    stay = null;
    left?.microphone?.stop();
    left?.sounds.forEach((sound) => sound.remove());
    left?.room.disconnect();
    show();
    say("");
  };

  const takeOver = async () => {
    const microphone = await createLocalAudioTrack().catch((error) => {
      throw new Error(
        error.name === "NotAllowedError"
          ? "The microphone is blocked. Allow it for this page in the browser's address bar, and try again."
          : `The microphone cannot be used: ${error.message}`,
      );
    });
    try {
      if (stay === null) await listen();
      const mine = stay;
      await post("take-over", { identity: mine.identity });
      await maySpeak(mine.room);
      await mine.room.localParticipant.publishTrack(microphone, { source: Track.Source.Microphone });
      mine.microphone = microphone;
    } catch (error) {
      microphone.stop();
      throw error;
    }
    show();
    say("The caller hears you.");
  };

  const maySpeak = (room) =>
    new Promise((resolve, reject) => {
      const allowed = () => room.localParticipant.permissions?.canPublish;
      if (allowed()) return resolve();
      const late = setTimeout(() => reject(new Error("LiveKit did not let you speak: try again.")), MAY_SPEAK_MS);
      room.on(RoomEvent.ParticipantPermissionsChanged, () => {
        if (!allowed()) return;
        clearTimeout(late);
        resolve();
      });
    });

  // LiveKit cannot hide somebody again: leave, and listen anew.
  const handBack = async (note) => {
    await post("hand-back", { note });
    leave();
    await listen();
    say("The agent has the call again. You still hear it.");
  };

  const show = () => {
    const speaks = Boolean(stay?.microphone);
    find("listen")?.setAttribute("aria-pressed", String(stay !== null));
    if (find("listen")) find("listen").hidden = speaks;
    if (find("take-over")) find("take-over").hidden = speaks;
    if (find("hand-back")) find("hand-back").hidden = !speaks;
    if (find("whisper")) find("whisper").hidden = speaks;
    find("mute")?.setAttribute("aria-pressed", String(Boolean(stay?.microphone?.isMuted)));
  };

  // --- Buttons and forms ---------------------------------------------------------------------------------------------

  const on = (name, kind, act) =>
    find(name)?.addEventListener(kind, async (event) => {
      event.preventDefault();
      const button = event.submitter ?? event.currentTarget;
      button.disabled = true;
      await tried(() => act(event));
      button.disabled = false;
    });

  on("listen", "click", () => (stay === null ? listen() : leave()));
  on("take-over", "click", takeOver);
  on("mute", "click", async () => {
    const microphone = stay?.microphone;
    if (microphone) await (microphone.isMuted ? microphone.unmute() : microphone.mute());
    show();
  });
  on("hand-back", "submit", async (event) => {
    const form = event.target;
    await handBack(form.elements.note.value);
    form.reset();
  });
  on("whisper", "submit", async (event) => {
    const form = event.target;
    const sayNow = event.submitter?.value === "true";
    await post("whisper", { text: form.elements.text.value, say_now: sayNow });
    form.reset();
    say(sayNow ? "The agent acts on it now." : "The agent keeps it in mind.");
  });
  on("note", "submit", async (event) => {
    const form = event.target;
    await post("notes", { text: form.elements.text.value });
    form.reset();
    say("The note is on the call's page.");
    desk.dispatchEvent(new CustomEvent("changed"));
  });
  on("hang-up", "click", async (event) => {
    const button = find("hang-up");
    if (button.dataset.sure === undefined) {
      button.dataset.sure = "";
      button.textContent = "Hang up for everyone?";
      setTimeout(() => {
        delete button.dataset.sure;
        button.textContent = "Hang up";
      }, SURE_MS);
      return;
    }
    await post("hang-up");
    say("You ended the call.");
  });

  desk.addEventListener("chosen", (event) => {
    if (event.detail === id) return;
    leave();
    id = event.detail;
    tools.hidden = true;
  });
  desk.addEventListener("state", (event) => {
    const { isOver } = event.detail;
    if (event.detail.id !== id) return;
    if (isOver && stay !== null) leave();
    tools.hidden = isOver;
  });
  window.addEventListener("pagehide", leave);
  show();
});
