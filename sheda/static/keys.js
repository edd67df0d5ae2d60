// Lists and the inbox by keyboard. The page works without: every row is a link, every tick a box, the search a field.
// Keys that are single letters can be switched off in the help (WCAG 2.1.4), and never act while one types.
(() => {
  "use strict";

  const OFF = "sheda.keys";
  const root = document.documentElement;
  const help = document.getElementById("keys");
  const rows = () =>
    [...document.querySelectorAll(".s-table tbody .s-lead > a, .s-table tbody .s-lead .s-cell a, #chat-list a, .s-decide h3 a, .s-hits a, .s-notices button")].filter(
      (row) => row.offsetParent,
    );
  const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");

  const remembered = () => {
    try {
      return localStorage.getItem(OFF) === "off";
    } catch {
      return false;
    }
  };

  const remember = (isOff) => {
    root.toggleAttribute("data-no-keys", isOff);
    try {
      localStorage.setItem(OFF, isOff ? "off" : "on");
    } catch {
      // Then it holds for this page.
    }
  };

  // The row that has the focus, or whose tick or button has it.
  const present = (all) => {
    const at = document.activeElement;
    return all.findIndex((row) => row === at || row.closest("tr, li, article")?.contains(at));
  };

  const step = (by) => {
    const all = rows();
    const focused = present(all);
    // In the inbox the open chat is where one is.
    const at = focused < 0 ? all.findIndex((row) => row.hasAttribute("aria-current")) : focused;
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    if (!next) return;
    next.focus({ focusVisible: true });
    next.scrollIntoView({ block: "nearest" });
  };

  const tick = () => {
    const all = rows();
    const box = all[present(all)]?.closest("tr")?.querySelector(".s-pick input");
    box?.click();
  };

  const search = () => {
    const field = document.querySelector("form[data-search] input[type=search]");
    if (field?.offsetParent) field.select();
    else document.querySelector("a[data-find]")?.click();
  };

  const acts = { j: () => step(1), k: () => step(-1), x: tick, "/": search, "?": () => help.showModal() };

  if (!help) return;
  root.toggleAttribute("data-no-keys", remembered());
  const box = help.querySelector("input[type=checkbox]");
  box.checked = !remembered();
  box.addEventListener("change", () => remember(!box.checked));
  help.querySelector("[data-dismiss]").addEventListener("click", () => help.close());
  document.querySelectorAll("[data-keys]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  });
  document.addEventListener("keydown", (press) => {
    if (press.defaultPrevented || press.ctrlKey || press.metaKey || press.altKey || isTyping(press.target)) return;
    const act = acts[press.key.toLowerCase()];
    if (!act || root.hasAttribute("data-no-keys")) return;
    press.preventDefault();
    act();
  });
})();
