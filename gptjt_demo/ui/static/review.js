// One row of a review at a time: keys and buttons tell the server what was decided of the row that is shown.
// In scope: element, trigger. Keys act while the tab is in view and no text field has the focus. What is pressed while
// the server decides waits and is sent together, each for the row that the one before leads to: no key is lost, and none
// goes to a row twice.
const MOST = 200; // keys that wait
const PATIENCE = 20_000; // milliseconds
const waiting = [];
let turn = 0;
let busy = false;
let focused = null;
let unfolded = false; // the row's other cells, for the next row too

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
  tell([asked]);
};
const tell = (acts) => {
  busy = true;
  turn += 1;
  trigger("click", { acts, shown: Number(card().dataset.shown), turn });
  const mine = turn;
  setTimeout(() => busy && turn === mine && giveUp(), PATIENCE);
};
const settle = () => {
  busy = false;
  if (!waiting.length || editor()?.hidden === false) return;
  if (waiting[0].act === "edit") return send(waiting.shift());
  const end = waiting.findIndex(({ act }) => act === "edit");
  tell(waiting.splice(0, end < 0 ? waiting.length : end));
};

// Gradio changes what is there into the next row: what differs may be an attribute alone. A button that was pressed and is
// gone, or cannot be pressed any more, then leaves the focus to its likes.
const place = (node) => `[data-act="${node.dataset.act}"]${node.dataset.label ? `[data-label="${node.dataset.label}"]` : ""}`;
new MutationObserver(() => {
  const shown = card();
  if (focused && shown && (document.activeElement === document.body || document.activeElement.matches(":disabled"))) {
    const like = element.querySelector(`button${focused}:enabled`) ?? element.querySelector("button[data-act]:enabled");
    like?.focus({ preventScroll: true });
  }
  const more = element.querySelector(".review-more");
  if (more && unfolded && !more.open) more.open = true;
  if (!busy || Number(shown?.dataset.turn) !== turn) return;
  announce();
  settle();
}).observe(element, { attributes: true, attributeFilter: ["data-turn"], childList: true, subtree: true });
element.addEventListener("toggle", (event) => event.target.matches(".review-more") && !busy && (unfolded = event.target.open), true);
// Where the server does not take it, what waits is dropped: it was meant for rows that nobody has seen.
const giveUp = () => {
  busy = false;
  waiting.length = 0;
  if (!card() || element.querySelector(".review-lost")) return;
  const line = document.createElement("p");
  line.className = "problem review-lost";
  line.setAttribute("role", "alert");
  line.textContent = "The server does not answer. What was decided before is kept: reload the page, or try again.";
  card().append(line);
};
document.addEventListener("unreviewed", giveUp);

const edit = () => {
  const box = editor();
  if (!box) return;
  box.hidden = false;
  const field = box.querySelector("textarea");
  field.value = field.defaultValue; // what was typed for another row is not this one's
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
  editor().querySelector("textarea").blur();
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
const FIELD = 'input:not([type="checkbox"]), textarea, select, [contenteditable="true"], [role="listbox"], [role="combobox"]';
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
  if (at.closest(FIELD) || document.querySelector("#review-keys input")?.checked === false) return;
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
