// Keys and focus for the whole page: Ctrl+Enter (or Cmd+Enter) runs, Escape stops, and on a phone the answer comes
// into view when a run begins.
const running = () => document.querySelector('.answer[data-state="running"]');
const press = (id) => document.getElementById(id)?.click();

document.addEventListener(
  "keydown",
  (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      press("run");
    } else if (event.key === "Escape" && running()) {
      press("stop");
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
