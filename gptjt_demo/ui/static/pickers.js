// The page's pickers by keys, as a browser's own are: arrows and letters move, Enter or Space chooses, and the focus stays.
// Gradio's alone scroll the page with every arrow, hide all but one option at a letter, leave the focus nowhere once
// something is chosen, and tell of a choice (`input`) whenever they lose the focus: listen to `select`, which is told
// once, of what was chosen. What is chosen already is no choice: what was typed since would go.
const SOON = 1000; // milliseconds between the letters of one word
const pickerOf = (event) => (event.target instanceof Element && event.target.matches("input[role=combobox][readonly]") ? event.target : null);
const isOpen = (picker) => picker.getAttribute("aria-expanded") === "true";
const active = (picker) => document.getElementById(picker.getAttribute("aria-activedescendant") ?? "");
const isChosen = (option) => option.getAttribute("aria-selected") === "true";

let quietly = false; // gradio opens the list of whatever gets the focus
const open = (picker) => picker.dispatchEvent(new FocusEvent("focus"));
const stay = (picker) => {
  quietly = true;
  picker.focus({ preventScroll: true });
  quietly = false;
};
const close = (picker) => {
  picker.blur();
  stay(picker);
};
document.addEventListener("focus", (event) => quietly && event.stopPropagation(), true);

const choose = (picker) => {
  const option = active(picker);
  if (!option || isChosen(option)) return close(picker);
  option.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true }));
  stay(picker);
};

// One frame each: where the last key led is read from the page.
let done = Promise.resolve();
const soon = (act) => {
  done = done.then(() => new Promise(requestAnimationFrame)).then(act);
};

let word = "";
let last = 0;
const seek = (picker, letter) => {
  word = performance.now() - last > SOON ? letter : word + letter;
  last = performance.now();
  const all = [...document.querySelectorAll(`[id="${picker.getAttribute("aria-controls")}"] [role=option]`)];
  const at = all.indexOf(active(picker));
  const again = word === letter.repeat(word.length); // one letter, however often: the next one that begins so
  const next = again ? at + 1 : Math.max(at, 0);
  const begins = (option) => option.ariaLabel.toLowerCase().startsWith(again ? letter : word);
  const found = all.findIndex((_, step) => begins(all[(next + step) % all.length]));
  const steps = found < 0 ? 0 : (next + found - at) % all.length || (at < 0 ? all.length : 0);
  for (let step = 0; step < steps; step += 1)
    picker.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
};

document.addEventListener(
  "keydown",
  (event) => {
    const picker = pickerOf(event);
    if (!picker || !event.isTrusted || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.key === "Tab" || event.key === "Shift") {
      // Gradio opens a list on any key but Escape, Shift before Tab too, and a browser stops at whatever scrolls: it
      // would stay open.
      event.stopPropagation();
      document.querySelectorAll("ul[role=listbox]").forEach((list) => (list.tabIndex = -1));
      return;
    }
    const moves = ["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key);
    const chooses = event.key === "Enter" || event.key === " ";
    const letter = !chooses && !event.altKey && event.key.length === 1;
    if (!moves && !chooses && !letter) return;
    event.preventDefault();
    if (moves && isOpen(picker)) return;
    event.stopPropagation();
    if (chooses && isOpen(picker)) return soon(() => choose(picker));
    if (!isOpen(picker)) open(picker);
    if (event.key === "Home" || event.key === "End")
      soon(() => picker.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, bubbles: true })));
    if (letter) soon(() => seek(picker, event.key.toLowerCase()));
  },
  true,
);
document.addEventListener(
  "mousedown",
  (event) => {
    const option = event.target instanceof Element ? event.target.closest("ul[role=listbox] [role=option]") : null;
    const picker = option && document.querySelector(`input[role=combobox][readonly][aria-controls="${option.closest("ul").id}"]`);
    if (!picker || !isChosen(option)) return;
    event.preventDefault();
    event.stopPropagation();
    close(picker);
  },
  true,
);
document.addEventListener("click", (event) => {
  const picker = pickerOf(event);
  if (picker && !picker.disabled && !isOpen(picker)) open(picker);
});
