// The prompt as it is edited: what the server opens is put in its controls here, and what is typed is kept in this
// browser's storage, to be offered again after a reload or when somebody else's link is opened.
// In scope: element, trigger, props. `props.value` is what was opened last: {nonce, template, controls, edited}, its
// controls in the order in which every function here is given their values.
const KEY = "gptjt-playground-drafts-1";
const MOST = 5;
const bar = element.querySelector(".draft");
const line = bar.querySelector("span");

const load = () => {
  try {
    const drafts = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(drafts) ? drafts.filter((draft) => draft?.controls && draft.template) : [];
  } catch {
    return [];
  }
};

const save = (drafts) => {
  for (let count = Math.min(drafts.length, MOST); count >= 0; count -= 1) {
    try {
      localStorage.setItem(KEY, JSON.stringify(drafts.slice(0, count)));
      return count > 0 || drafts.length === 0;
    } catch {
      // no room for as many: the oldest goes
    }
  }
  return false;
};

// Column labels follow the cues, and a grid that nobody touched names no rows that are off: neither is an edit.
const bare = (value) => (value?.rows ? { rows: value.rows, off: value.off ?? [] } : value);
const same = (one, other) =>
  Object.keys(one).every((name) => JSON.stringify(bare(one[name])) === JSON.stringify(bare(other[name])));

let id = crypto.getRandomValues(new Uint32Array(2)).join("-");
const put = (held, controls) => {
  const others = load().filter((draft) => draft.id !== id && !same(controls, draft.controls));
  const edited = held.edited || !same(controls, held.controls);
  const draft = { id, time: new Date().toISOString(), template: held.template, controls };
  if (save(edited ? [draft, ...others] : others)) return;
  line.textContent = "This browser has no room or no permission to keep what you type.";
  element.querySelectorAll("button").forEach((button) => (button.hidden = true));
  bar.hidden = false;
};

const named = (held, values) => Object.fromEntries(Object.keys(held.controls).map((name, index) => [name, values[index]]));

const keep = (held, ...values) => {
  // While something is being opened, the controls may be half the old and half the new.
  if (held?.nonce === landed && !picking) put(held, named(held, values));
};

// What is typed between picking something and its arrival stays: {control: text, or {"row,column": text} of a grid}.
let picking = 0; // openings that are on their way
let typed = {};
document.addEventListener("picking", () => {
  picking += 1;
  typed = {};
});

document.addEventListener(
  "input",
  (event) => {
    if (!picking || !props.value) return;
    const name = Object.keys(props.value.controls).find((each) => event.target.closest(`#${each}, #setting-${each}`));
    if (!name) return;
    const row = event.target.closest(".grid-row");
    if (!row) return void (typed[name] = true);
    const cell = [[...row.parentNode.children].indexOf(row), [...row.querySelectorAll("textarea")].indexOf(event.target)];
    typed[name] = { ...typed[name], [cell]: event.target.value };
  },
  true,
);

const merged = (opened, now, cells) => {
  if (!cells) return opened;
  if (cells === true) return now;
  const rows = opened.rows.map((row, index) => row.map((text, column) => cells[[index, column]] ?? text));
  return { ...opened, rows };
};

// The values for the controls: those that were opened, but what was typed since.
let landed = props.value?.nonce;
let fresh = false; // something has landed that is not settled yet
const land = (held, ...values) => {
  if (!held || held.nonce === landed) return values;
  landed = held.nonce;
  fresh = true;
  id = crypto.getRandomValues(new Uint32Array(2)).join("-"); // what was edited before stays a draft of its own
  const result = Object.keys(held.controls).map((name, index) => merged(held.controls[name], values[index], typed[name]));
  put(held, named(held, result));
  return result;
};

// The end of an opening; of one that nobody told of before (`told`), only where something has landed. The server has
// shown the prompt without what was typed since: an edit shows it with that.
const settle = (told) => {
  if (told) picking = Math.max(0, picking - 1);
  else if (!fresh) return;
  if (picking) return;
  fresh = false;
  document.dispatchEvent(new Event("picked"));
  if (Object.keys(typed).length) {
    document.querySelector("#query textarea")?.dispatchEvent(new Event("input", { bubbles: true }));
  }
  typed = {};
};

// Offers one of the drafts by its name, the newest first; the others are a press away.
const offer = (index = 0) => {
  const drafts = load().filter((draft) => draft.id !== id); // what is being edited is on the page already
  const place = drafts.length && index % drafts.length;
  const draft = drafts[place];
  bar.hidden = !draft;
  if (!draft) return;
  const time = new Date(draft.time);
  const when = Number.isNaN(+time) ? "" : `, ${time.toLocaleString([], { dateStyle: "short", timeStyle: "short" })}`;
  const many = drafts.length > 1 ? ` (${place + 1} of ${drafts.length} drafts)` : "";
  line.textContent = `You were editing “${draft.controls.title || draft.template.title}”${when}${many}. `;
  bar.querySelector(".draft-open").onclick = () => {
    document.dispatchEvent(new Event("picking")); // a Run waits until it is on the page
    trigger("select", { template: draft.template, controls: draft.controls });
    bar.hidden = true;
    // The button goes, and its focus would be nowhere: it goes on to the line that says what came of it.
    const go = () => {
      if (document.activeElement !== document.body) return;
      const notice = document.querySelector("#notice");
      notice.tabIndex = -1;
      notice.focus({ preventScroll: true });
    };
    document.addEventListener("picked", go, { once: true });
  };
  bar.querySelector(".draft-next").hidden = drafts.length < 2;
  bar.querySelector(".draft-next").onclick = () => offer(place + 1);
  bar.querySelector(".draft-discard").onclick = () => {
    save(load().filter((other) => other.id !== draft.id));
    offer(place);
  };
};

globalThis.gptjt = { ...globalThis.gptjt, keep, land, settle };
offer();
