// In another site's frame, some browsers refuse to be asked for what is kept, and Gradio does not expect that: the page would
// never be drawn. There, what is kept lasts as long as the page. This runs before everything else.
try {
  localStorage.getItem("");
} catch {
  const held = new Map();
  const storage = {
    getItem: (name) => held.get(String(name)) ?? null,
    setItem: (name, value) => void held.set(String(name), String(value)),
    removeItem: (name) => void held.delete(String(name)),
    clear: () => held.clear(),
    key: (place) => [...held.keys()][place] ?? null,
    get length() {
      return held.size;
    },
  };
  Object.defineProperty(window, "localStorage", { value: storage, configurable: true });
}
