// Lets the player beside a list of voices follow the chosen voice.
document.addEventListener("DOMContentLoaded", () => {
  for (const select of document.querySelectorAll("[data-voice-select]")) {
    const player = select.parentElement.closest(".voice-field").querySelector("[data-voice-player]");
    const follow = () => {
      const sample = select.selectedOptions[0]?.dataset.sample ?? "";
      player.hidden = sample === "";
      if (sample !== "" && player.getAttribute("src") !== sample) {
        player.src = sample;
      }
    };
    select.addEventListener("change", follow);
    follow();
  }
});
