// What is kept in this browser's storage, and nowhere else: saved prompts with their versions, figures, and runs. One
// list, the newest first; every tab of the browser reads and writes it, so it is read again before each change. kept.js
// follows in the same scope and draws it.
const KEY = "gptjt-playground-kept-1";
const MOST = 200; // runs
const MOST_FIGURES = 300;
const MOST_VERSIONS = 20; // of a prompt, the newest among them
const MOST_TEXT = 400_000; // characters of the older versions of a prompt

const texts = (thing, ...names) => names.every((name) => typeof thing[name] === "string");
const isPrompt = (thing) => thing?.template && typeof thing.template === "object" && texts(thing.template, "name", "title");

// Whether something is one of ours: what is read in, or was written by another version, may be anything.
const fits = (thing) => {
  if (!thing || typeof thing !== "object" || !texts(thing, "id", "time", "kind")) return false;
  if (thing.kind === "measured") return texts(thing, "key", "sentence");
  if (!isPrompt(thing) || !texts(thing, "title")) return false;
  if (thing.kind === "run") return (thing.answers ?? []).every?.((answer) => answer && typeof answer === "object") ?? false;
  return thing.kind === "template" && (thing.versions ?? []).every?.((each) => isPrompt(each) && texts(each, "time"));
};

const load = () => {
  try {
    const things = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(things) ? things.filter(fits) : [];
  } catch {
    return [];
  }
};

const ofKind = (things, kind) => things.filter((thing) => thing.kind === kind);

// A prompt's older versions within their bounds; the oldest go.
const bounded = (versions, most = MOST_VERSIONS - 1) => {
  const left = versions.slice(0, most);
  while (left.length && JSON.stringify(left).length > MOST_TEXT) left.pop();
  return left;
};

// Where the browser has no room: the older half of the runs goes, then of the figures, then of every prompt's versions.
// The saved prompts themselves stay.
const fewer = (things) => {
  for (const kind of ["run", "measured"]) {
    const some = ofKind(things, kind);
    const gone = new Set(some.slice(Math.floor(some.length / 2)));
    if (gone.size) return things.filter((thing) => !gone.has(thing));
  }
  if (!things.some((thing) => thing.versions?.length)) return null;
  return things.map((thing) => ({ ...thing, versions: (thing.versions ?? []).slice(0, Math.floor((thing.versions ?? []).length / 2)) }));
};

const save = (things) => {
  const excess = new Set([...ofKind(things, "run").slice(MOST), ...ofKind(things, "measured").slice(MOST_FIGURES)]);
  let left = things.filter((thing) => !excess.has(thing));
  while (left) {
    try {
      localStorage.setItem(KEY, JSON.stringify(left));
      return true;
    } catch {
      left = fewer(left);
    }
  }
  return false;
};

const same = (one, other) => JSON.stringify(one.template) === JSON.stringify(other.template);
const named = (things, name) => things.find((thing) => thing.kind === "template" && thing.template.name === name);
const numberOf = (thing) => thing.number ?? 1;

// A prompt as one of its own versions, and all of its versions, the newest first.
const asVersion = ({ time, template, key, number, note }) => ({ time, template, key, number: number ?? 1, note });
const versionsOf = (thing) => [asVersion(thing), ...(thing.versions ?? [])];

const stamped = (thing) => {
  const time = new Date().toISOString();
  return { id: `${time}-${Math.random().toString(36).slice(2, 8)}`, time, ...thing };
};

// A prompt that is saved again under its name is its next version; one that has not changed is none.
const kept = (things, thing) => {
  const before = thing.kind === "template" ? named(things, thing.template.name) : null;
  if (!before) return [stamped(thing), ...things];
  const others = things.filter((other) => other !== before);
  if (same(before, thing)) return [{ ...before, key: thing.key, time: new Date().toISOString() }, ...others];
  const versions = bounded(versionsOf(before));
  return [{ ...stamped(thing), id: before.id, number: numberOf(before) + 1, versions }, ...others];
};

// What was read in beside what is here: a thing that is here already is not doubled, and a prompt of the same name
// gets the other's versions among its own, by their time.
const merged = (things, read) => {
  let all = things;
  for (const thing of read) {
    if (all.some((other) => other.id === thing.id && other.kind !== "template")) continue;
    const here = thing.kind === "template" ? named(all, thing.template.name) : null;
    if (!here) {
      all = [...all, thing];
      continue;
    }
    const both = [...versionsOf(here), ...versionsOf(thing)].sort((one, other) => (one.time < other.time ? 1 : -1));
    const once = both.filter((each, index) => both.findIndex((other) => each.time === other.time && same(each, other)) === index);
    const last = Math.max(once.length, ...both.map(numberOf));
    const numbered = once.map((each, index) => ({ ...each, number: last - index }));
    const [newest, ...older] = numbered;
    const joined = { ...here, ...newest, title: newest.template.title, versions: bounded(older) };
    all = all.map((other) => (other === here ? joined : other));
  }
  return all.sort((one, other) => (one.time < other.time ? 1 : -1));
};
