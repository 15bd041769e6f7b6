// One row of a review at a time: keys and buttons tell the server what was decided of the row that is shown.
// In scope: element, trigger. Keys act while the tab is in view and no text field has the focus. What is pressed while
// the server decides waits, and goes to the row that is shown then: no key is lost, and none goes to a row twice.
const MOST = 50; // keys that wait
const waiting = [];
let turn = 0;
let busy = false;
let focused = null;

const card = () => element.querySelector(".review[data-shown]");
const editor = () => element.querySelector(".review-editor");

const announcer = document.createElement("div");
announcer.className = "unseen";
announcer.setAttribute("role", "status");
const announce = () => {
  if (!element.checkVisibility()) return;
  if (!announcer.isConnected) document.querySelector(".gradio-container")?.append(announcer);
  const parts = ["h2", ".review-cells dd", ".review-answer dd b", ".review-why", ".problem"];
  announcer.textContent = parts.map((part) => element.querySelector(part)?.textContent ?? "").filter(Boolean).join(". ");
};

const send = (asked) => {
  if (!card()) return;
  if (busy) return void (waiting.length < MOST && waiting.push(asked));
  if (asked.act === "edit") return edit();
  busy = true;
  turn += 1;
  trigger("click", { ...asked, shown: Number(card().dataset.shown), turn });
};
const settle = () => {
  busy = false;
  while (!busy && waiting.length && editor()?.hidden !== false) send(waiting.shift());
};

// A button that was pressed is drawn again: the focus stays on it, or goes to the row's title where it is gone.
const place = (node) => `[data-act="${node.dataset.act}"]${node.dataset.label ? `[data-label="${node.dataset.label}"]` : ""}`;
new MutationObserver(() => {
  const shown = card();
  if (focused && shown && document.activeElement === document.body) {
    (element.querySelector(`button${focused}`) ?? element.querySelector("button[data-act]"))?.focus({ preventScroll: true });
  }
  if (!busy || Number(shown?.dataset.turn) !== turn) return;
  announce();
  settle();
}).observe(element, { childList: true, subtree: true });
// The server may have refused the event itself: then the card is as it was.
document.addEventListener("reviewed", () => {
  const mine = turn;
  setTimeout(() => busy && turn === mine && settle(), 1000);
});

const edit = () => {
  const box = editor();
  if (!box) return;
  box.hidden = false;
  const field = box.querySelector("textarea");
  field.focus();
  field.select();
};
const save = () => {
  const field = editor().querySelector("textarea");
  editor().hidden = true;
  field.blur();
  send({ act: "save", text: field.value });
};
const cancel = () => {
  const field = editor().querySelector("textarea");
  field.value = field.defaultValue;
  field.blur();
  editor().hidden = true;
  settle();
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  const { act, label, row } = button.dataset;
  focused = event.detail === 0 ? place(button) : null; // pressed by a key
  if (act === "save") save();
  else if (act === "cancel") cancel();
  else if (act === "example") trigger("select", { row: Number(row) });
  else send({ act, ...(label && { label: Number(label) }), ...(row && { row: Number(row) }) });
});

const KEYS = { enter: "accept", e: "edit", u: "undo", arrowleft: "back", arrowright: "next" };
const FIELD = 'input, textarea, select, [contenteditable="true"], [role="listbox"], [role="combobox"]';
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  if (!element.isConnected || !element.checkVisibility() || !card()) return;
  const at = event.target instanceof Element ? event.target : document.body;
  if (editor()?.contains(at) && at.matches("textarea")) {
    if (event.key === "Escape") cancel();
    else if (event.key === "Enter" && !event.shiftKey) save();
    else return;
    event.preventDefault();
    return;
  }
  if (at.closest(FIELD)) return;
  const key = event.key.toLowerCase();
  // Enter on a button is that button's; but the tab that is open already has nothing to do.
  if (key === "enter" && at.closest("button, a, summary") && !at.matches('[role="tab"][aria-selected="true"]')) return;
  if (/^[1-9]$/.test(key)) {
    if (element.querySelector(`[data-label="${key - 1}"]`)) send({ act: "label", label: key - 1 });
  } else if (KEYS[key]) send({ act: KEYS[key] });
  else return;
  focused = null;
  event.preventDefault();
});
