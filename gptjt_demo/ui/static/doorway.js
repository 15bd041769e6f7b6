// A new fragment of the address while the page is open; the server says whether it is a link of ours. In scope: props, trigger.
addEventListener("hashchange", () => {
  props.value = location.hash;
  trigger("input");
});
