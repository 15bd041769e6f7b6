// Which mend was asked for. In scope: element, trigger, watch. Once it is mended the focus goes to the next mend.
let mended = false;
element.addEventListener("click", (event) => {
  const { mend, rule } = event.target.closest("button")?.dataset ?? {};
  if (mend === undefined) return;
  mended = true;
  trigger("select", { index: Number(mend), rule });
});
watch("value", () => {
  if (mended) (element.querySelector("button") ?? document.getElementById("run"))?.focus({ preventScroll: true });
  mended = false;
});
