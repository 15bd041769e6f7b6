// Which button of which card was pressed. In scope: element, trigger. The focus stays where it was when the cards are
// drawn again.
element.addEventListener("click", (event) => {
  const { open, check } = event.target.closest("button")?.dataset ?? {};
  if (open) {
    document.dispatchEvent(new Event("picking"));
    trigger("select", { name: open });
  } else if (check) trigger("submit", { name: check });
});
let last = null;
element.addEventListener("focusin", (event) => {
  const { open, check } = event.target.dataset;
  last = open ? `[data-open="${open}"]` : check ? `[data-check="${check}"]` : null;
});
watch("value", () => {
  if (!last || (document.activeElement && document.activeElement !== document.body)) return;
  const button = element.querySelector(last);
  (button?.disabled ? button.previousElementSibling : button)?.focus();
});
