// The board: follows the live calls by server-sent events, and shows the chosen one beside them.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const desk = document.querySelector("[data-desk]");
  if (desk === null) return;
  const find = (name) => desk.querySelector(`[data-${name}]`);
  const rows = find("rows");
  const filters = find("filters");
  const panel = find("panel");
  let events = null;
  let chosen = ""; // the id of the call beside the board
  let loading = 0;

  // --- The rows ------------------------------------------------------------------------------------------------------

  const rowOf = (id) => rows.querySelector(`[data-id="${CSS.escape(id)}"]`);

  const fromHtml = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content.firstElementChild;
  };

  // Rows that are as they were stay the elements they are, so that nobody loses the keyboard's focus.
  const show = (news) => {
    if ("problem" in news) return say(news.problem);
    const hasFocus = document.activeElement?.closest("[data-id]")?.dataset.id;
    for (const [id, html] of Object.entries(news.rows)) {
      const old = rowOf(id);
      const row = fromHtml(html);
      old === null ? rows.append(row) : old.replaceWith(row);
      if (id === hasFocus) row.querySelector("button").focus();
    }
    const shown = new Set(news.order);
    for (const row of [...rows.children]) if (!shown.has(row.dataset.id)) row.remove();
    news.order.forEach((id, place) => {
      const row = rowOf(id);
      if (row !== null && rows.children[place] !== row) rows.insertBefore(row, rows.children[place] ?? null);
    });
    find("none").hidden = news.order.length > 0;
    say(`${news.live} live, ${news.waiting} waiting`);
    mark();
    tick();
    if (chosen !== "" && (chosen in news.rows || !shown.has(chosen))) load();
  };

  const say = (text) => {
    const counts = find("counts");
    if (counts.textContent !== text) counts.textContent = text;
  };

  const mark = () => {
    for (const row of rows.children) {
      row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.id === chosen));
    }
  };

  const tick = () => {
    const now = Date.now() / 1000;
    for (const time of rows.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Math.floor(now - Number(time.dataset.since)));
      time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }
  };

  // --- The chosen call -----------------------------------------------------------------------------------------------

  const choose = (id) => {
    chosen = id;
    panel.hidden = false;
    mark();
    desk.dispatchEvent(new CustomEvent("chosen", { detail: id }));
    load().then(() => {
      if (matchMedia("(max-width: 1000px)").matches) panel.scrollIntoView({ behavior: "smooth" });
    });
  };

  const load = async () => {
    const id = chosen;
    const mine = ++loading;
    const text = await fetch(desk.dataset.call.replace(/[0-]{36}/, id))
      .then((answer) => (answer.ok && !answer.redirected ? answer.text() : null))
      .catch(() => null);
    if (mine !== loading || text === null) return;
    const content = find("call-content");
    content.innerHTML = text;
    const state = content.firstElementChild;
    const { status, floor } = state.dataset;
    desk.dispatchEvent(new CustomEvent("state", { detail: { id, status, floor, isOver: "over" in state.dataset } }));
  };

  // --- The stream ----------------------------------------------------------------------------------------------------

  const follow = () => {
    events?.close();
    rows.replaceChildren();
    const asked = new URLSearchParams(new FormData(filters));
    for (const [name, value] of [...asked]) if (value === "") asked.delete(name);
    history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
    events = new EventSource(`${desk.dataset.stream}?${asked}`);
    events.addEventListener("message", (event) => show(JSON.parse(event.data)));
    events.addEventListener("error", () => {
      // Each stream lasts a minute, and the browser asks anew; it gives up on an answer that is none.
      if (events.readyState !== EventSource.CLOSED) return;
      say("The call center does not answer, or you are signed out. Trying again…");
      setTimeout(follow, 5000);
    });
  };

  for (const [name, value] of new URLSearchParams(location.search)) {
    const field = filters.elements.namedItem(name);
    if (field !== null) field.value = value;
    if (field !== null && field.selectedIndex < 0) field.selectedIndex = 0;
  }
  filters.addEventListener("change", follow);
  filters.addEventListener("submit", (event) => event.preventDefault());
  rows.addEventListener("click", (event) => {
    const row = event.target.closest("[data-id]");
    if (row !== null) choose(row.dataset.id);
  });
  desk.addEventListener("changed", load);
  window.addEventListener("pagehide", () => events?.close());
  setInterval(tick, 1000);
  follow();
});
