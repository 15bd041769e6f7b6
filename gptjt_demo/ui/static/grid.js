// The few-shot table, the query and the wording: text cells that the browser owns and the server reads.
// In scope: element, trigger, props, watch. `props.value` is {columns: [label], rows: [[text]], off: [index]};
// `noun` names a row; `fixed` means one row, no more and no less. Text goes in and out through
// `textarea.value` only, so that nothing anyone types is ever read as markup.
const grid = element.querySelector(".grid");
const body = grid.querySelector(".grid-body");
const head = grid.querySelector(".grid-head");
const add = grid.querySelector(".grid-add");
const noun = grid.dataset.noun;
const fixed = "fixed" in grid.dataset;
let shown = null;

const make = (tag, name, text) => {
  const node = document.createElement(tag);
  node.className = name;
  if (tag === "button") node.type = "button";
  if (text !== undefined) node.textContent = text;
  return node;
};

const fit = (area) => {
  area.style.height = "auto";
  if (area.scrollHeight) area.style.height = area.scrollHeight + "px";
};

const rows = () => [...body.children];
const texts = (row) => [...row.querySelectorAll("textarea")].map((area) => area.value);
const isOff = (row) => row.classList.contains("grid-off");

const commit = () => {
  said.textContent = "";
  const off = rows().flatMap((row, index) => (isOff(row) ? [index] : []));
  const value = { ...props.value, rows: rows().map(texts), off };
  shown = key(value);
  props.value = value;
  trigger("input");
};
const key = (value) => JSON.stringify([value.columns, value.rows, value.off ?? []]);

// A row's number is its name to a screen reader, so the names follow when rows come and go.
const rename = () => {
  rows().forEach((row, index) => {
    const name = fixed ? "" : `${noun} ${index + 1}`;
    const low = name.toLowerCase();
    if (name) row.setAttribute("aria-label", isOff(row) ? `${name}, switched off` : name);
    row.querySelectorAll("textarea").forEach((area, column) => {
      area.setAttribute("aria-label", [name, props.value.columns[column]].filter(Boolean).join(", "));
    });
    if (fixed) return;
    const number = row.querySelector(".grid-number");
    number.textContent = index + 1;
    number.setAttribute("aria-label", `${name}: move, duplicate, switch off`);
    const call = (name, label) => row.querySelector(name).setAttribute("aria-label", label);
    call(".grid-remove", `Remove ${low}`);
    call(".grid-up", `Move ${low} up`);
    call(".grid-down", `Move ${low} down`);
    call(".grid-copy", `Duplicate ${low}`);
    call(".grid-switch", `Switch ${low} ${isOff(row) ? "on" : "off"}`);
    row.querySelector(".grid-switch").textContent = isOff(row) ? "Switch on" : "Switch off";
  });
  grid.classList.toggle("grid-empty", body.children.length === 0);
};

const changed = (focus) => {
  rename();
  commit();
  focus?.focus();
};

// The page is told what the rows were, so that they can be brought back.
const undoable = (act) => {
  const before = { ...props.value, rows: rows().map(texts) };
  act();
  trigger("edit", { before });
};

const drop = (row) =>
  undoable(() => {
    const near = row.nextElementSibling || row.previousElementSibling;
    const gone = `${noun} ${rows().indexOf(row) + 1} removed.`;
    row.remove();
    changed(near ? near.querySelector(".grid-remove") : add);
    say(gone, true);
  });

// Cells of a spreadsheet on the clipboard: tabs between them, quotes around one with a tab, a line end or a quote.
const cellsOf = (text) => {
  const found = [[""]];
  const last = () => found[found.length - 1];
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const one = text[index];
    const row = last();
    if (quoted) {
      if (one !== '"') row[row.length - 1] += one;
      else if (text[index + 1] === '"') row[row.length - 1] += text[(index += 1)];
      else quoted = false;
    } else if (one === '"' && row[row.length - 1] === "") quoted = true;
    else if (one === "\t") row.push("");
    else if (one === "\n") found.push([""]);
    else row[row.length - 1] += one;
  }
  return { quoted, cells: found };
};

const pasted = (data) => {
  const text = data.getData("text/plain").replace(/\r\n?/g, "\n").replace(/\n$/, "");
  const table = /<table[\s>]/i.test(data.getData("text/html"));
  if (!text.includes("\t") && !(table && text.includes("\n"))) return null;
  const { quoted, cells } = cellsOf(text);
  // A quote that is never closed is a quote that somebody wrote.
  return quoted ? text.split("\n").map((line) => line.split("\t")) : cells;
};

const paste = (event, row, column) => {
  const block = pasted(event.clipboardData);
  if (!block || (fixed && block.length > 1)) return;
  const width = props.value.columns.length;
  const names = props.value.columns.map((name) => name.trim().toLowerCase());
  const headed = block.length > 1 && block[0].length > 1 && block[0].every((cell, at) => cell.trim().toLowerCase() === names[column + at]);
  const found = headed ? block.slice(1) : block;
  event.preventDefault();
  undoable(() => {
    let at = row;
    found.forEach((values, index) => {
      // A row with text in it is kept: what is pasted goes below it.
      const blank = texts(at).every((text) => text === "");
      if (index > 0 || (!blank && !fixed)) {
        const fresh = index > 0 && at.nextElementSibling && texts(at.nextElementSibling).every((text) => text === "");
        const next = fresh ? at.nextElementSibling : draw([]);
        if (!fresh) at.after(next);
        at = next;
      }
      const areas = at.querySelectorAll("textarea");
      values.slice(0, width - column).forEach((value, offset) => {
        areas[column + offset].value = value;
        fit(areas[column + offset]);
      });
    });
    changed(at.querySelectorAll("textarea")[column]);
  });
  const most = Math.max(...found.map((values) => values.length));
  const left = most > width - column ? ` ${most} columns were copied, ${width - column} fit here: the others are left out.` : "";
  const many = found.length > 1 || left;
  say(many ? `${found.length} ${found.length === 1 ? "row" : "rows"} pasted.${left}` : "", !fixed);
};

// What was done is said below the rows, with the way back beside it: the page's own Undo may be far out of sight.
const said = make("p", "hint grid-said");
said.setAttribute("role", "status");
const back = make("button", "quiet", "Undo");
back.addEventListener("click", () => {
  add.focus(); // the button goes with its line
  document.getElementById("undo")?.click();
});
const say = (line, undoable) => {
  said.textContent = line;
  if (line && undoable) said.append(" ", back);
  if (!said.isConnected) grid.append(said);
};

// Moving a node takes the focus from it: it is given back.
const move = (row, step) => {
  const focus = document.activeElement;
  if (step < 0) row.previousElementSibling?.before(row);
  else row.nextElementSibling?.after(row);
  changed(focus);
};

const copy = (row) => {
  const twin = draw(texts(row), isOff(row));
  row.after(twin);
  changed(twin.querySelector("textarea"));
};

const open = (row, wanted) => {
  rows().forEach((other) => {
    const on = other === row && wanted;
    other.querySelector(".grid-tools").hidden = !on;
    other.querySelector(".grid-number").setAttribute("aria-expanded", on);
  });
};

const addTools = (row) => {
  const number = make("button", "grid-number");
  number.title = "Move (Alt + ↑ ↓), duplicate, switch off";
  number.setAttribute("aria-expanded", "false");
  number.addEventListener("click", () => open(row, row.querySelector(".grid-tools").hidden));
  const tools = make("div", "grid-tools");
  tools.hidden = true;
  const does = {
    "grid-up": ["↑ Up", () => move(row, -1)],
    "grid-down": ["↓ Down", () => move(row, 1)],
    "grid-copy": ["Duplicate", () => copy(row)],
    "grid-switch": ["", () => (row.classList.toggle("grid-off"), changed())],
  };
  Object.entries(does).forEach(([name, [text, act]]) => {
    const button = make("button", name, text);
    button.addEventListener("click", act);
    tools.append(button);
  });
  const remove = make("button", "grid-remove", "×");
  remove.addEventListener("click", () => drop(row));
  row.prepend(number);
  row.append(remove, tools);
  row.addEventListener("keydown", (event) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    move(row, event.key === "ArrowUp" ? -1 : 1);
  });
};

const draw = (values, off) => {
  const row = make("div", "grid-row");
  row.setAttribute("role", "group");
  props.value.columns.forEach((label, column) => {
    const cell = make("label", "grid-cell");
    const area = make("textarea", "grid-text");
    area.rows = 1;
    area.spellcheck = false;
    area.value = values[column] ?? "";
    area.addEventListener("input", () => {
      fit(area);
      commit();
    });
    area.addEventListener("paste", (event) => paste(event, row, column));
    cell.append(make("span", "grid-label", label), area);
    row.append(cell);
  });
  if (!fixed) addTools(row);
  row.classList.toggle("grid-off", Boolean(off));
  body.append(row);
  row.querySelectorAll("textarea").forEach(fit);
  return row;
};

// Drawing again takes the focus from the cell or button that has it: its place in the new rows gets it back.
const focused = () => {
  const held = document.activeElement;
  const row = body.contains(held) ? held.closest(".grid-row") : null;
  if (!row) return () => {};
  const index = rows().indexOf(row);
  const like = (other) => [...other.querySelectorAll(held.tagName)];
  const place = like(row).indexOf(held);
  const { selectionStart, selectionEnd } = held;
  return () => {
    const now = rows()[Math.min(index, rows().length - 1)];
    const next = now ? like(now)[place] : add;
    (next?.checkVisibility() ? next : now?.querySelector("button"))?.focus();
    if (held.tagName === "TEXTAREA") next?.setSelectionRange?.(selectionStart, selectionEnd);
  };
};

const show = () => {
  const now = key(props.value);
  if (now === shown) return;
  shown = now;
  const off = props.value.off ?? [];
  const focus = focused();
  said.textContent = "";
  grid.classList.toggle("grid-fixed", fixed);
  grid.style.setProperty("--tracks", `repeat(${props.value.columns.length - 1}, minmax(0, 3fr)) minmax(0, 2fr)`);
  head.replaceChildren(...props.value.columns.map((label) => make("span", "grid-label", label)));
  body.replaceChildren();
  props.value.rows.forEach((values, index) => draw(values, off.includes(index)));
  rename();
  focus();
};

add.addEventListener("click", () => changed(draw([]).querySelector("textarea")));
watch("value", show);
let width = 0;
new ResizeObserver(() => {
  if (grid.clientWidth === width) return;
  width = grid.clientWidth;
  body.querySelectorAll("textarea").forEach(fit);
}).observe(grid);
add.textContent = `Add ${noun.toLowerCase()}`;
show();
