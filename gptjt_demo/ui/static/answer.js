// A token's alternatives: shown on hover, focus and tap, and choosing one continues the answer from there.
// In scope: element, trigger, watch. Each token's span says in `data-token` what it is, and in `data-at` the number
// of its answer and its index in it. Arrow keys move along the tokens, Down or Enter opens the menu, Escape closes it.
const menu = document.createElement("div");
menu.className = "alternatives";
menu.setAttribute("role", "menu");
menu.setAttribute("aria-label", "Alternatives");
menu.hidden = true;
document.querySelector(".gradio-container main").append(menu);
let at = null;
let closing = 0;
let chosen = null;

const percent = (share) => (share < 0.0005 ? "<0.1" : share < 0.0995 ? (100 * share).toFixed(1) : Math.round(100 * share)) + " %";
const make = (tag, name, text) => {
  const node = document.createElement(tag);
  node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
};

const close = () => {
  menu.hidden = true;
  document.querySelectorAll(".token-open").forEach((node) => node.classList.remove("token-open"));
  at = null;
};

const place = (token) => {
  const box = token.getBoundingClientRect();
  const wide = menu.offsetWidth;
  const below = box.bottom + menu.offsetHeight + 12 < innerHeight || box.top < menu.offsetHeight + 12;
  menu.style.left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - wide - 8)) + "px";
  menu.style.top = (below ? box.bottom + 6 : box.top - menu.offsetHeight - 6) + "px";
};

const choose = (token, option) => {
  const [side, number] = token.dataset.at.split(":").map(Number);
  close();
  chosen = token.dataset.at;
  trigger("select", { side, token: number, option });
};

// The card is drawn again while the answer grows: the focus comes back to the token that was chosen.
watch("value", () => {
  if (!chosen || element.querySelector(".answer")?.dataset.state === "running") return;
  const token = element.querySelector(`.token[data-at="${chosen}"]`);
  if (document.activeElement === document.body) token?.focus({ preventScroll: true });
  chosen = null;
  close();
});

const open = (token) => {
  clearTimeout(closing);
  if (at === token) return;
  close();
  at = token;
  token.classList.add("token-open");
  const { options, own, text: chosenText, chosen: shares } = JSON.parse(token.dataset.token);
  // `within` is the share among what the answer's shape allows, and missing where the answer is free.
  const line = (tag, text, share, within, isOwn) => {
    const item = make(tag, "alternative" + (isOwn ? " alternative-own" : "") + (within === 0 ? " alternative-barred" : ""));
    const bar = make("span", "alternative-bar");
    bar.style.width = 100 * share + "%";
    const shown = within === undefined ? percent(share) : `${percent(share)} → ${within === 0 ? "–" : percent(within)}`;
    item.append(bar, make("span", "alternative-text", text), make("span", "alternative-share", shown));
    item.setAttribute("role", "menuitem");
    const held = within === undefined ? "" : within === 0 ? ", not in the shape" : `, ${percent(within)} within the shape`;
    item.setAttribute("aria-label", `${text}, ${percent(share)}${held}${isOwn ? ", the one chosen" : ""}`);
    if (tag !== "button" || within === 0) item.setAttribute("aria-disabled", "true");
    return item;
  };
  const items = options.map(([text, share, within], option) => {
    const item = line("button", text, share, within, option === own);
    item.type = "button";
    item.tabIndex = -1;
    if (within !== 0) item.addEventListener("click", () => choose(token, option));
    return item;
  });
  if (own < 0 && shares) items.push(line("div", chosenText, ...shares, true));
  const hint = shares ? "Before → within the shape. " : "";
  menu.replaceChildren(...items, make("p", "alternatives-hint", `${hint}Choose one to continue the answer from there.`));
  menu.hidden = false;
  place(token);
};

const tokenOf = (event) => event.target.closest?.(".token[data-at]");
const later = () => {
  clearTimeout(closing);
  closing = setTimeout(close, 200);
};
element.addEventListener("pointerover", (event) => {
  const token = tokenOf(event);
  if (event.pointerType === "mouse" && token) open(token);
});
element.addEventListener("pointerout", (event) => event.pointerType === "mouse" && tokenOf(event) && later());
menu.addEventListener("pointerenter", () => clearTimeout(closing));
menu.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && later());
element.addEventListener("focusin", (event) => {
  const token = tokenOf(event);
  if (!token) return;
  element.querySelectorAll('.token[tabindex="0"]').forEach((other) => (other.tabIndex = -1));
  token.tabIndex = 0;
  if (token.matches(":focus-visible")) open(token);
});
element.addEventListener("click", (event) => {
  const token = tokenOf(event);
  if (token) open(token);
});
document.addEventListener("pointerdown", (event) => {
  if (!menu.hidden && !menu.contains(event.target) && !tokenOf(event)) close();
});
addEventListener("scroll", (event) => at && !menu.contains(event.target) && place(at), { capture: true, passive: true });

element.addEventListener("keydown", (event) => {
  const token = tokenOf(event);
  if (!token || event.ctrlKey || event.metaKey) return;
  const row = [...token.parentElement.querySelectorAll(".token[data-at]")];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) row[row.indexOf(token) + step]?.focus();
  else if (event.key === "ArrowDown" || event.key === "Enter" || event.key === " ") {
    open(token);
    menu.querySelector("button")?.focus();
  } else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
});
menu.addEventListener("keydown", (event) => {
  const items = [...menu.querySelectorAll("button")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const token = at;
  if (step) items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") {
    close();
    token?.focus();
    close();
  } else return;
  event.preventDefault();
});
const left = ({ relatedTarget }) => {
  const tokens = relatedTarget?.matches(".token") && element.contains(relatedTarget);
  if (relatedTarget && !menu.contains(relatedTarget) && !tokens) close();
};
[menu, element].forEach((part) => part.addEventListener("focusout", left));
