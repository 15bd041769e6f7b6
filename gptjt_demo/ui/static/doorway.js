// A link that arrives while the page is open: another fragment in the same tab. In scope: props, trigger.
addEventListener("hashchange", () => {
  if (!location.hash.startsWith("#t=")) return;
  props.value = location.hash;
  trigger("input");
});
