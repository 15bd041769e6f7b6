// The history as it is drawn: saved prompts with their versions and figures, and runs. In scope: element, trigger,
// props, watch, and kept_things.js. `props.value` is the newest thing to keep, or an answer to what was asked. Texts are
// shown only through textContent.
const list = element.querySelector(".kept-list");
const none = element.querySelector(".kept-none");
const name = element.querySelector(".kept-name");
const search = element.querySelector(".kept-search");
const undo = element.querySelector(".kept-undo");
const told = new Map(); // a prompt's id: what changed from each of its versions to the next, as it was asked for
const open = new Set(); // ids of prompts whose versions are shown
const LARGEST = 8 * 1024 * 1024; // bytes of a file that is read in

const make = (tag, name, text) => {
  const node = document.createElement(tag);
  node.className = name;
  if (tag === "button") node.type = "button";
  if (text !== undefined) node.textContent = text;
  return node;
};

const dated = (thing) => {
  const when = new Date(thing.time);
  return make("time", "", Number.isNaN(+when) ? "" : when.toLocaleString([], { dateStyle: "short", timeStyle: "short" }));
};

const keep = (thing) => {
  const before = thing.kind === "template" ? named(load(), thing.template.name) : null;
  const unchanged = before && same(before, thing);
  const saved = save(kept(load(), thing));
  const now = thing.kind === "template" ? named(load(), thing.template.name) : null;
  if (now && open.has(now.id)) ask(now);
  else draw();
  if (!saved) none.textContent = "This browser has no space left, or does not let this page save anything.";
  else if (unchanged) none.textContent = `“${thing.title}” has not changed since version ${numberOf(before)}.`;
  else if (before) none.textContent = `“${thing.title}” is saved as version ${numberOf(now)}; the versions before are kept.`;
  else if (now) none.textContent = `“${thing.title}” is saved in your history.`;
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

const adder = (buttons, title) => (text, name, act) => {
  const button = make("button", "quiet", text);
  button.setAttribute("aria-label", `${name}: ${title}`);
  button.addEventListener("click", act);
  buttons.append(button);
  return button;
};

// The newest figures of a prompt, a line each.
const figuresOf = (version, things) =>
  version.key ? ofKind(things, "measured").filter((each) => each.key === version.key) : [];

const changesOf = (difference) => {
  const box = make("div", "kept-changes");
  difference.changes.forEach((change) => {
    box.append(make("p", "kept-change", change.words));
    const lines = make("pre", "kept-lines");
    lines.tabIndex = 0;
    lines.setAttribute("role", "group");
    lines.setAttribute("aria-label", `Before and after: ${change.words}`);
    change.lines.forEach(([mark, text]) => {
      const tag = mark === "-" ? "del" : mark === "+" ? "ins" : "span";
      lines.append(make(tag, "", `${mark} ${text}\n`));
    });
    if (change.more) lines.append(make("span", "", `… and ${change.more} more lines\n`));
    box.append(lines);
  });
  return box;
};

// One version: when, what changed, what was measured, and what can be done with it.
const versionItem = (thing, version, index, difference, things) => {
  const node = make("li", "kept-version");
  const head = make("p", "kept-head");
  head.append(make("b", "", `Version ${version.number}`), make("span", "kept-kind", index === 0 ? "newest" : ""), dated(version));
  node.append(head);
  const first = index === thing.versions.length;
  const said = first ? "the first that is kept" : (difference?.summary ?? "…");
  node.append(make("p", "kept-summary", version.note ? `${version.note}: ${said}` : said));
  figuresOf(version, things).forEach((each) => node.append(make("p", "kept-facts", each.sentence)));
  const buttons = make("p", "kept-buttons");
  const add = adder(buttons, `version ${version.number} of ${thing.title}`);
  if (difference?.changes.length) {
    const changes = changesOf(difference);
    changes.hidden = true;
    const button = add("Before and after", "Before and after", () => {
      changes.hidden = !changes.hidden;
      button.setAttribute("aria-expanded", String(!changes.hidden));
    });
    button.setAttribute("aria-expanded", "false");
    node.append(changes);
  }
  add("Open", "Open", () => reopen({ ...thing, template: version.template }, false));
  add("Measure against it", "Measure against it", () =>
    trigger("apply", { template: version.template, number: version.number }),
  );
  if (index > 0) {
    add("Make it the newest", "Make it the newest", () => {
      const { template, key } = version;
      save(kept(load(), { kind: "template", title: template.title, template, key, note: `version ${version.number} again` }));
      const now = named(load(), thing.template.name);
      open.add(now.id);
      ask(now);
      none.textContent = `Version ${version.number} is version ${numberOf(now)} now, the newest.`;
      list.querySelector(`[data-id="${CSS.escape(now.id)}"] .kept-version button`)?.focus();
    });
  }
  node.append(buttons);
  return node;
};

// What changed is asked of the server once for all of a prompt's versions, when they are looked at.
const ask = (thing) => {
  draw();
  const templates = versionsOf(thing).map((each) => each.template).reverse();
  if (templates.length > 1) trigger("submit", { id: thing.id, templates });
};

const versionList = (thing, things) => {
  const versions = make("ol", "kept-versions");
  versions.setAttribute("aria-label", `Versions of ${thing.title}`);
  const differences = told.get(thing.id) ?? []; // the oldest first
  versionsOf(thing).forEach((version, index, all) => {
    versions.append(versionItem({ versions: [], ...thing }, version, index, differences[all.length - 2 - index], things));
  });
  return versions;
};

const item = (thing, things) => {
  const node = make("li", "kept-item");
  node.dataset.id = thing.id;
  const prompt = thing.kind === "template";
  const count = prompt ? versionsOf(thing).length : 0;
  const head = make("p", "kept-head");
  const kind = !prompt ? "" : count > 1 ? `version ${numberOf(thing)}` : "template";
  head.append(make("b", "", thing.title), make("span", "kept-kind", kind), dated(thing));
  node.append(head);
  answersOf(thing).forEach((answer) => {
    node.append(make("p", "kept-answer", answer.text || "(empty)"));
    const facts = [answer.model, answer.attention, `seed ${answer.seed}`, ...settingsOf(thing)];
    if (answer.branched) facts.push("branched");
    node.append(make("p", "kept-facts", facts.join(" · ")));
  });
  const query = Object.values(thing.template?.query ?? {}).join(" / ");
  if (query) node.append(make("p", "kept-query", query));
  const [figures] = prompt ? figuresOf(thing, things) : [];
  if (figures) node.append(make("p", "kept-facts", figures.sentence));
  const buttons = make("p", "kept-buttons");
  const add = adder(buttons, thing.title);
  if (!prompt) add("Again", "Run again", () => reopen(thing, true));
  add("Open", "Open", () => reopen(thing, false));
  if (prompt) {
    const button = add(`Versions (${count})`, "Versions", () => {
      if (open.delete(thing.id)) draw();
      else {
        open.add(thing.id);
        ask(thing);
      }
      list.querySelector(`[data-id="${CSS.escape(thing.id)}"] > .kept-buttons [aria-expanded]`)?.focus();
    });
    button.setAttribute("aria-expanded", String(open.has(thing.id)));
  }
  add("Delete", "Delete", () => {
    const before = load();
    save(before.filter((other) => other.id !== thing.id));
    const next = node.nextElementSibling ?? node.previousElementSibling;
    const index = [...list.children].indexOf(next ?? node);
    draw();
    undo.hidden = false;
    undo.firstElementChild.onclick = () => {
      save(merged(load(), [thing]));
      undo.hidden = true;
      draw();
      list.querySelector(`[data-id="${CSS.escape(thing.id)}"] button`)?.focus();
    };
    (list.children[Math.min(index, list.children.length - 1)]?.querySelector("button") ?? search).focus();
  });
  node.append(buttons);
  if (prompt && open.has(thing.id)) node.append(versionList(thing, things));
  return node;
};

// The focus goes to the button that stands where `gone` stood; of two of one name to the one of the same thing.
const idOf = (button) => button.closest("[data-id]")?.dataset.id;
const stay = (gone) => {
  const label = gone.getAttribute("aria-label");
  const alike = [...list.querySelectorAll("button")].filter((button) => button.getAttribute("aria-label") === label);
  (alike.find((button) => idOf(button) === idOf(gone)) ?? alike[0])?.focus({ preventScroll: true });
};

const draw = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const things = load();
  const shown = things.filter((thing) => thing.kind !== "measured");
  const hits = shown.filter((thing) => {
    const text = JSON.stringify(thing).toLowerCase();
    return words.every((word) => text.includes(JSON.stringify(word).slice(1, -1)));
  });
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  list.replaceChildren(...hits.slice(0, 60).map((thing) => item(thing, things)));
  if (focused) stay(focused);
  const empty = "Your runs and saved prompts are listed here. They stay in this browser.";
  none.textContent = shown.length === 0 ? empty : hits.length === 0 ? "Nothing in your history contains these words." : "";
};

// The list as it is drawn again, with the line that was said.
const redraw = () => {
  const said = none.textContent;
  draw();
  none.textContent = said;
};

const readIn = async () => {
  const file = await gptjt.upload(".json,application/json", LARGEST);
  if (file === null) return;
  let things = [];
  try {
    if (typeof file !== "string") throw file;
    things = [JSON.parse(file)].flat();
  } catch (error) {
    none.textContent = typeof file === "string" ? "This file is no JSON; give one of Download JSON." : error.message;
    return;
  }
  const ours = things.filter(fits);
  if (ours.length === 0) {
    none.textContent = "There is nothing in this file that Download JSON has written.";
    return;
  }
  const before = load();
  const saved = save(merged(before, ours));
  draw();
  const more = Math.max(0, load().length - before.length);
  const left = things.length - ours.length;
  const facts = [`${more} of ${ours.length} were new`, ...(left ? [`${left} could not be read`] : [])];
  none.textContent = saved ? `The file was read in: ${facts.join(", ")}.` : "This browser has no space left for it.";
};

let seen = null;
watch("value", () => {
  const thing = props.value;
  if (!thing || thing.nonce === seen) return;
  seen = thing.nonce;
  if (thing.problem) return void (none.textContent = thing.problem);
  const { nonce, ...rest } = thing;
  if (rest.kind === "differences") {
    told.set(rest.id, rest.differences);
    redraw();
  } else if (rest.kind === "measured") {
    save([...rest.measured.map((each) => ({ ...stamped(each), kind: "measured", time: each.time })), ...load()]);
    redraw();
  } else keep(rest);
});
search.addEventListener("input", draw);
element.querySelector(".kept-keep").addEventListener("click", () => trigger("click", { name: name.value }));
element.querySelector(".kept-read").addEventListener("click", readIn);
element.querySelector(".kept-download").addEventListener("click", () => {
  gptjt.download("gptjt-playground.json", JSON.stringify(load(), null, 2), "application/json");
});
addEventListener("storage", (event) => event.key === KEY && draw());
draw();
