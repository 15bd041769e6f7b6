// Own templates and last runs, in this browser's storage and nowhere else.
// In scope: element, trigger, props, watch. `props.value` is the newest thing to keep; every tab of the browser reads
// and writes the same list, so it is read again before each change. Texts are shown only through textContent.
const KEY = "gptjt-playground-kept-1";
const MOST = 200;
const list = element.querySelector(".kept-list");
const none = element.querySelector(".kept-none");
const name = element.querySelector(".kept-name");
const search = element.querySelector(".kept-search");

const make = (tag, name, text) => {
  const node = document.createElement(tag);
  node.className = name;
  if (tag === "button") node.type = "button";
  if (text !== undefined) node.textContent = text;
  return node;
};

const load = () => {
  try {
    const things = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(things) ? things : [];
  } catch {
    return [];
  }
};

// Own templates stay; of the runs the oldest go, where there are too many or the browser has no room.
const save = (things) => {
  const runs = things.filter((thing) => thing.kind === "run");
  let excess = runs.slice(MOST);
  for (;;) {
    const gone = new Set(excess);
    const left = things.filter((thing) => !gone.has(thing));
    try {
      localStorage.setItem(KEY, JSON.stringify(left));
      return true;
    } catch {
      if (gone.size >= runs.length) return false;
      excess = runs.slice(Math.floor((runs.length - gone.size) / 2));
    }
  }
};

const keep = (thing) => {
  const now = new Date().toISOString();
  const id = `${now}-${Math.random().toString(36).slice(2, 8)}`;
  const same = (other) => thing.kind === "template" && JSON.stringify(other.template) === JSON.stringify(thing.template);
  const saved = save([{ id, time: now, ...thing }, ...load().filter((other) => !same(other))]);
  draw();
  if (!saved) none.textContent = "This browser has no space left, or does not let this page save anything.";
  else if (thing.kind === "template") none.textContent = `“${thing.title}” is saved in your history.`;
};

const settingsOf = (thing) => {
  const made = thing.template?.generation ?? {};
  return Object.entries(made)
    .filter(([name]) => name !== "seed")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${[value].flat().map((one) => JSON.stringify(one)).join(" ")}`);
};

const answersOf = (thing) => thing.answers ?? [];

const reopen = (thing, again) => {
  document.dispatchEvent(new Event("picking")); // a Run waits until it is on the page
  const seed = answersOf(thing)[0]?.seed;
  const run = thing.kind === "run" ? { seed, answers: answersOf(thing) } : {};
  trigger("select", { template: thing.template, ...run, again });
  const shown = again && matchMedia("(max-width: 860px)").matches ? document.getElementById("answer") : null;
  (shown ?? element.closest(".gradio-container")).scrollIntoView({ block: "start" });
};

const item = (thing) => {
  const node = make("li", "kept-item");
  const when = new Date(thing.time);
  const head = make("p", "kept-head");
  head.append(make("b", "", thing.title), make("span", "kept-kind", thing.kind === "run" ? "" : "template"));
  const time = make("time", "", Number.isNaN(+when) ? "" : when.toLocaleString([], { dateStyle: "short", timeStyle: "short" }));
  head.append(time);
  node.append(head);
  answersOf(thing).forEach((answer) => {
    node.append(make("p", "kept-answer", answer.text || "(empty)"));
    const facts = [answer.model, answer.attention, `seed ${answer.seed}`, ...settingsOf(thing)];
    if (answer.branched) facts.push("branched");
    node.append(make("p", "kept-facts", facts.join(" · ")));
  });
  const query = Object.values(thing.template?.query ?? {}).join(" / ");
  if (query) node.append(make("p", "kept-query", query));
  const buttons = make("p", "kept-buttons");
  const add = (text, name, act) => {
    const button = make("button", "quiet", text);
    button.setAttribute("aria-label", `${name}: ${thing.title}`);
    button.addEventListener("click", act);
    buttons.append(button);
  };
  if (thing.kind === "run") add("Again", "Run again", () => reopen(thing, true));
  add("Open", "Open", () => reopen(thing, false));
  add("Delete", "Delete", () => {
    save(load().filter((other) => other.id !== thing.id));
    const next = node.nextElementSibling ?? node.previousElementSibling;
    const index = [...list.children].indexOf(next ?? node);
    draw();
    (list.children[Math.min(index, list.children.length - 1)]?.querySelector("button") ?? search).focus();
  });
  node.append(buttons);
  return node;
};

const draw = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const things = load();
  const hits = things.filter((thing) => {
    const text = JSON.stringify(thing).toLowerCase();
    return words.every((word) => text.includes(JSON.stringify(word).slice(1, -1)));
  });
  list.replaceChildren(...hits.slice(0, 60).map(item));
  const empty = "Your runs and saved prompts are listed here. They stay in this browser.";
  none.textContent = things.length === 0 ? empty : hits.length === 0 ? "Nothing in your history contains these words." : "";
};

let seen = null;
watch("value", () => {
  const thing = props.value;
  if (!thing || thing.nonce === seen) return;
  seen = thing.nonce;
  if (thing.problem) return void (none.textContent = thing.problem);
  const { nonce, ...kept } = thing;
  keep(kept);
});
search.addEventListener("input", draw);
element.querySelector(".kept-keep").addEventListener("click", () => trigger("click", { name: name.value }));
element.querySelector(".kept-download").addEventListener("click", () => {
  gptjt.download("gptjt-playground.json", JSON.stringify(load(), null, 2), "application/json");
});
addEventListener("storage", (event) => event.key === KEY && draw());
draw();
