// Buttons inside a gr.HTML: a press tells the server which one it was, by the numbers in its data attributes.
// In scope: element, trigger.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-run]");
  if (!button) return;
  element.querySelectorAll("[aria-pressed]").forEach((other) => other.removeAttribute("aria-pressed"));
  button.setAttribute("aria-pressed", "true");
  trigger("click", Object.fromEntries(Object.entries(button.dataset).map(([name, value]) => [name, Number(value)])));
});
