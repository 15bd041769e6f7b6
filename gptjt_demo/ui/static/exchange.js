// What only the browser can do for the page: the clipboard, and files that never reach the server.
const LARGEST = 1024 * 1024;

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or no https: the text is in a field to be copied from
  }
};

const download = (name, text, type = "text/plain") => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

// The text of a file that the visitor chooses; null if they choose none, an Error in words if it cannot be text.
const upload = (accept, largest = LARGEST) =>
  new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = accept;
    input.addEventListener("cancel", () => resolve(null));
    input.addEventListener("change", async () => {
      const file = input.files[0];
      if (!file) return resolve(null);
      const most = `${largest / 1024 / 1024} MiB`;
      if (file.size > largest) return resolve(new Error(`${file.name}: more than ${most}; give a template or a model card`));
      try {
        resolve(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()));
      } catch {
        resolve(new Error(`${file.name}: not UTF-8 text; give a template or a model card`));
      }
    });
    input.click();
  });

globalThis.gptjt = { ...globalThis.gptjt, copy, download, upload };
