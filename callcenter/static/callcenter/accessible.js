// What unfold's pages lack for those who use a keyboard or a screen reader. Its menus and switches are elements with a
// click handler of Alpine: no keyboard reaches them. Its icons are words in a font of icons, and would be read aloud.

const ICON = ".material-symbols-outlined";
const NAMES = {
  close: "Close the menu",
  computer: "Theme",
  dark_mode: "Theme",
  dock_to_right: "Show or hide the menu",
  light_mode: "Theme",
  search: "Search",
};

// The words in an element, without its icons.
function words(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll(ICON).forEach((icon) => icon.remove());
  return copy.matches(ICON) ? "" : copy.textContent.trim();
}

// Gives an element that shows only an icon a name.
function name(element) {
  if (words(element) === "" && !element.title && !element.ariaLabel) {
    const icon = element.textContent.trim();
    element.ariaLabel = NAMES[icon] ?? icon.replaceAll("_", " ");
  }
}

function act(event) {
  if (event.key !== "Enter" && event.key !== " ") {
    return;
  }
  event.preventDefault();
  event.currentTarget.click();
  // The menu of an element stands before it: without this, Tab would lead away from it.
  const menu = event.currentTarget.parentElement.querySelector(":scope > nav");
  Alpine.nextTick(() => menu?.querySelector("[tabindex], a, button")?.focus());
}

function makeButtons() {
  for (const element of document.querySelectorAll("[x-on\\:click]:not([href], button, input, [role])")) {
    if (element.textContent.trim() !== "") {
      element.role = "button";
      element.tabIndex = 0;
      name(element);
      element.addEventListener("keydown", act);
    }
  }
}

function hideIcons() {
  for (const icon of document.querySelectorAll(ICON)) {
    const control = icon.closest("a, button, [role=button]");
    if (control) {
      name(control);
    }
    if (control !== icon) {
      icon.ariaHidden = "true";
    }
  }
}

// Fields in a list have no label: they are called by the head of their column, and their row.
function nameFieldsInLists() {
  for (const field of document.querySelectorAll("#result_list td :is(input:not([type=hidden]), select)")) {
    if (field.labels.length === 0 && !field.ariaLabel) {
      const head = field.closest("table").tHead.rows[0].cells[field.closest("td").cellIndex];
      const row = field.closest("tr").querySelector("th");
      field.ariaLabel = [words(head), row ? words(row) : ""].filter(Boolean).join(": ");
    }
  }
}

// The landmark to which screen readers, and the link at the top of the page, jump.
function markContent() {
  const content = document.getElementById("content");
  if (content) {
    content.role = "main";
    content.tabIndex = -1;
  }
}

document.addEventListener("alpine:initialized", () => {
  makeButtons();
  hideIcons();
  nameFieldsInLists();
  markContent();
});
