// The calendar by keyboard. The page works without: every viewing is a link, every move a button beside it.
(() => {
  "use strict";

  const days = [...document.querySelectorAll(".s-week .s-day")].map((day) => [...day.querySelectorAll(".s-ev > a")]);
  const isTyping = (target) => target.closest("input, textarea, select, dialog");

  const focused = () => {
    for (const [day, events] of days.entries()) {
      const place = events.indexOf(document.activeElement);
      if (place >= 0) return { day, place };
    }
    return null;
  };

  // From nowhere to the chosen viewing, else to the first; then by day to the one at about the same place.
  const step = (sideways, down) => {
    const at = focused();
    if (!at) return document.querySelector(".s-ev.is-sel > a") || days.flat()[0];
    if (down) return days[at.day][at.place + down];
    for (let day = at.day + sideways; day >= 0 && day < days.length; day += sideways) {
      if (days[day].length) return days[day][Math.min(at.place, days[day].length - 1)];
    }
    return null;
  };

  const current = () => {
    const at = focused();
    return at ? days[at.day][at.place] : document.querySelector(".s-ev.is-sel > a");
  };

  const confirm = (event) => {
    const token = document.querySelector("input[name=csrf_token]");
    if (event?.parentElement.dataset.state !== "pending" || !token) return;
    const form = document.createElement("form");
    form.method = "post";
    form.action = `${event.dataset.move}confirm`;
    form.hidden = true;
    form.append(token.cloneNode());
    document.body.append(form);
    form.requestSubmit();
  };

  const move = (event) => {
    if (!["pending", "confirmed"].includes(event?.parentElement.dataset.state)) return;
    const link = document.createElement("a");
    link.href = `${event.dataset.move}reschedule`;
    link.dataset.ask = "";
    link.className = "sr-only";
    // Whoever closes the question is back at the viewing.
    link.addEventListener("focus", () => {
      event.focus();
      link.remove();
    });
    document.body.append(link);
    link.click();
  };

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  document.addEventListener("keydown", (press) => {
    if (press.defaultPrevented || press.ctrlKey || press.metaKey || press.altKey || isTyping(press.target)) return;
    const isLetter = press.key.length === 1;
    if (isLetter && document.documentElement.hasAttribute("data-no-keys")) return;
    const key = isLetter ? press.key.toUpperCase() : press.key;
    if (arrows[key] && (focused() || days.flat().length) && (focused() || key === "ArrowLeft" || key === "ArrowRight")) {
      const next = step(...arrows[key]);
      press.preventDefault();
      next?.focus();
    } else if (key === "C") {
      confirm(current());
    } else if (key === "M") {
      press.preventDefault();
      move(current());
    } else if (key === "B" && document.getElementById("date")) {
      press.preventDefault();
      document.getElementById("date").focus();
    } else if (document.querySelector(`a[data-key="${CSS.escape(key)}"]`)) {
      document.querySelector(`a[data-key="${CSS.escape(key)}"]`).click();
    }
  });
})();
