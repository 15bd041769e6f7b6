// The few-shot table and the query: text cells that the browser owns and the server reads.
// In scope: element, trigger, props, watch. `props.value` is {columns: [label], rows: [[text]]}; `props.noun` names a
// row; `props.fixed` means one row, no more and no less. Text goes in and out through `textarea.value` alone, so that
// nothing anyone types is ever read as markup.
const grid = element.querySelector(".grid");
const body = grid.querySelector(".grid-body");
const head = grid.querySelector(".grid-head");
const add = grid.querySelector(".grid-add");
let shown = null;

const make = (tag, name, text) => {
  const node = document.createElement(tag);
  node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
};

const fit = (area) => {
  area.style.height = "auto";
  if (area.scrollHeight) area.style.height = area.scrollHeight + "px";
};

const rowsOnScreen = () =>
  [...body.children].map((row) => [...row.querySelectorAll("textarea")].map((area) => area.value));

const commit = () => {
  const value = { columns: props.value.columns, rows: rowsOnScreen() };
  shown = JSON.stringify(value);
  props.value = value;
  trigger("input");
};

// A row's number is its name to a screen reader, so the names follow when rows come and go.
const rename = () => {
  [...body.children].forEach((row, index) => {
    const name = props.fixed ? "" : `${props.noun} ${index + 1}`;
    if (name) row.setAttribute("aria-label", name);
    row.querySelectorAll("textarea").forEach((area, column) => {
      area.setAttribute("aria-label", [name, props.value.columns[column]].filter(Boolean).join(", "));
    });
    const number = row.querySelector(".grid-number");
    if (number) number.textContent = index + 1;
    const remove = row.querySelector(".grid-remove");
    if (remove) remove.setAttribute("aria-label", `Remove ${name.toLowerCase()}`);
  });
  grid.classList.toggle("grid-empty", body.children.length === 0);
};

const drop = (row) => {
  const near = row.nextElementSibling || row.previousElementSibling;
  row.remove();
  rename();
  commit();
  (near ? near.querySelector(".grid-remove") : add).focus();
};

const draw = (texts) => {
  const row = make("div", "grid-row");
  row.setAttribute("role", "group");
  if (!props.fixed) row.append(make("span", "grid-number"));
  props.value.columns.forEach((label, column) => {
    const cell = make("label", "grid-cell");
    const area = make("textarea", "grid-text");
    area.rows = 1;
    area.spellcheck = false;
    area.value = texts[column] ?? "";
    area.addEventListener("input", () => {
      fit(area);
      commit();
    });
    cell.append(make("span", "grid-label", label), area);
    row.append(cell);
  });
  if (!props.fixed) {
    const remove = make("button", "grid-remove", "×");
    remove.type = "button";
    remove.addEventListener("click", () => drop(row));
    row.append(remove);
  }
  body.append(row);
  row.querySelectorAll("textarea").forEach(fit);
  return row;
};

const show = () => {
  const now = JSON.stringify({ columns: props.value.columns, rows: props.value.rows });
  if (now === shown) return;
  shown = now;
  grid.classList.toggle("grid-fixed", Boolean(props.fixed));
  grid.style.setProperty("--tracks", `repeat(${props.value.columns.length - 1}, minmax(0, 3fr)) minmax(0, 2fr)`);
  head.replaceChildren(...props.value.columns.map((label) => make("span", "grid-label", label)));
  body.replaceChildren();
  props.value.rows.forEach(draw);
  rename();
};

add.addEventListener("click", () => {
  const row = draw([]);
  rename();
  commit();
  row.querySelector("textarea").focus();
});
watch("value", show);
let width = 0;
new ResizeObserver(() => {
  if (grid.clientWidth === width) return;
  width = grid.clientWidth;
  body.querySelectorAll("textarea").forEach(fit);
}).observe(grid);
add.textContent = `Add ${props.noun.toLowerCase()}`;
show();
