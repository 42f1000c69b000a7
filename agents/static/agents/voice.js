// Keeps the list of voices in step with the chosen provider, and the player beside it with the chosen voice.
document.addEventListener("DOMContentLoaded", () => {
  const select = document.querySelector("[data-voice-select]");
  if (select === null) return;
  const player = select.closest(".voice-field").querySelector("[data-voice-player]");
  const help = document.querySelector("[data-voice-help]");
  const provider = document.getElementById("id_tts_provider");
  const chosen = { [provider?.value]: select.value }; // a voice for each provider that was tried

  const follow = () => {
    const sample = select.selectedOptions[0]?.dataset.sample ?? "";
    player.hidden = sample === "";
    if (sample !== "" && player.getAttribute("src") !== sample) {
      player.src = sample;
    }
  };

  const optionOf = (voice) => {
    const option = new Option(voice.title, voice.id);
    option.dataset.sample = voice.sample;
    return option;
  };

  const listVoices = async () => {
    const wanted = provider.value;
    select.replaceChildren(new Option("Loading the voices…", ""));
    follow();
    let answer;
    try {
      answer = await (await fetch(select.dataset.lists.replace("/provider/", `/${wanted}/`))).json();
    } catch {
      answer = { error: "The voices cannot be listed: the connection failed" };
    }
    if (provider.value !== wanted) return; // another one was chosen meanwhile
    const voices = answer.voices ?? [];
    select.replaceChildren(new Option(answer.error ?? "Choose a voice", ""), ...voices.map(optionOf));
    select.value = chosen[wanted] ?? "";
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    if (help !== null) help.textContent = answer.help ?? "";
    follow();
  };

  select.addEventListener("change", () => {
    chosen[provider?.value] = select.value;
    follow();
  });
  provider?.addEventListener("change", listVoices);
  follow();
});
