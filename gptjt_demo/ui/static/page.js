// Keys and focus for the whole page: Ctrl+Enter (or Cmd+Enter) runs, Escape stops, Ctrl+Z outside a text field undoes;
// and on a phone the answer comes into view when a run begins.
const running = () => document.querySelector('.answer[data-state="running"]');
const press = (id) => {
  const button = document.getElementById(id);
  if (button?.checkVisibility()) button.click();
};

document.addEventListener(
  "keydown",
  (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && document.getElementById("run")?.checkVisibility()) {
      event.preventDefault();
      event.stopPropagation();
      press("run");
    } else if (event.key === "Escape" && running()) {
      press("stop");
    } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.target.matches("input, textarea")) {
      press(event.shiftKey ? "redo" : "undo");
    }
  },
  true,
);

// A Run that is pressed while a picked template is on its way waits for it: it would run the old one.
let picking = false;
let waiting = false;
document.addEventListener("picking", () => {
  picking = true;
});
document.addEventListener("picked", () => {
  setTimeout(() => {
    picking = false;
    if (waiting) press("run");
    waiting = false;
  });
});

document.addEventListener(
  "click",
  (event) => {
    if (!event.target.closest("#run")) return;
    if (picking) {
      waiting = true;
      event.stopImmediatePropagation();
      return;
    }
    if (!matchMedia("(max-width: 860px)").matches) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("answer")?.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
  },
  true,
);

// Answers are read out from a region that stays: screen readers do not follow one that is drawn again.
const announcer = document.createElement("div");
announcer.className = "unseen";
announcer.setAttribute("role", "status");
let announced = "";
const announce = (answer) => {
  if (!announcer.isConnected) document.querySelector(".gradio-container")?.append(announcer);
  if (answer?.dataset.state !== "done") return void (announced = "");
  const texts = [...answer.querySelectorAll(".answer-text")].map((text) => text.textContent);
  const said = [...texts, answer.querySelector(".check")?.textContent ?? ""].join("\n");
  if (announced !== said) announcer.textContent = announced = said;
};

// An answer to, or an export of, something else than what is on the page now is marked; and its tint can be switched off.
const PLAIN = "gptjt-plain";
let plain = false;
try {
  plain = localStorage.getItem(PLAIN) === "yes";
} catch {
  // a browser that keeps nothing shows the tint
}
const mark = () => {
  const answer = document.querySelector(".answer");
  announce(answer);
  const asked = document.querySelector(".prompt")?.dataset.key;
  const old = answer?.dataset.state === "done" && answer.dataset.key !== "" && answer.dataset.key !== asked;
  const line = answer?.querySelector(".outdated");
  if (line && line.hidden === Boolean(old)) line.hidden = !old;
  const made = document.querySelector("#format-about [data-version]")?.dataset.version;
  const now = document.querySelector(".prompt")?.dataset.version;
  const older = document.querySelector("#format-about .outdated");
  if (older) older.hidden = !made || made === now;
  document.getElementById("result")?.classList.toggle("plain", plain);
  const button = document.getElementById("plain");
  if (button && button.ariaPressed !== String(plain)) button.ariaPressed = String(plain);
};
// Details that a visitor has opened are open for the next answer too.
let wanted = false;
document.addEventListener("click", (event) => {  // not at "toggle", which comes later, when the answer may be another
  const fold = event.target.closest(".details > summary")?.parentElement;
  if (fold) wanted = !fold.open;
});
const unfold = () => wanted && document.querySelectorAll(".details:not([open])").forEach((fold) => (fold.open = true));
let due = false;
new MutationObserver(() => {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    unfold();
    mark();
  });
}).observe(document.documentElement, { childList: true, subtree: true });
document.addEventListener("click", (event) => {
  if (!event.target.closest("#plain")) return;
  plain = !plain;
  mark();
  localStorage.setItem(PLAIN, plain ? "yes" : "no");
});
