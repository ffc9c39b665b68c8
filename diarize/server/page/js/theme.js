// Light, dark, or as the system has it. Set before anything is painted: the page is drawn by script.

const KEY = "diarize-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

export const onTheme = (listener) => listeners.add(listener);

export function setUpTheme(button) {
  const show = () => {
    const chosen = localStorage.getItem(KEY);
    const dark = chosen === null ? system.matches : chosen === "dark";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.title = dark ? "Light colours" : "Dark colours";
    button.setAttribute("aria-label", button.title);
    for (const listener of listeners) listener();
  };
  button.addEventListener("click", () => {
    const wanted = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    if ((wanted === "dark") === system.matches) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, wanted);
    show();
  });
  system.addEventListener("change", show);
  show();
}
