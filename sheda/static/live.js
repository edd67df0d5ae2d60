// What happens appears at once: over a WebSocket, else by server-sent events, else as often as the page looks by itself.
// The cookie of the page opens either. Nothing here is needed: every page shows the same when it is loaded again.
(() => {
  "use strict";

  const { socket: socketAt, events: eventsAt, counts: countsAt } = document.currentScript.dataset;
  const thread = document.getElementById("thread");
  const other = Number(thread?.dataset.userId || 0);
  const SIGNED_OUT = 4401;
  const LONGEST_PAUSE = 30;
  let position = "";
  let line = null;
  let stream = null;
  let failures = 0;
  let isOver = false;
  let wasReady = false;

  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const since = (address) => (position ? `${address}?after=${encodeURIComponent(position)}` : address);
  const OPEN = 1;
  const say = (frame) => line?.readyState === OPEN && line.send(JSON.stringify(frame));

  // ── Figures beside the menu ─────────────────────────────────────────────────────────────────────────

  const badge = (link, count) => {
    let mark = link.querySelector(".s-count, .s-dot");
    if (!count) return mark?.remove();
    if (!mark) {
      mark = document.createElement("span");
      mark.className = link.dataset.badge;
      link.append(mark);
    }
    const words = document.createElement("span");
    words.className = "sr-only";
    words.textContent = " waiting";
    mark.replaceChildren(String(count), words);
  };

  let wait = 0;
  const count = () => {
    clearTimeout(wait);
    wait = setTimeout(async () => {
      try {
        const answer = await fetch(countsAt, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } });
        if (!answer.ok) return;
        const counts = await answer.json();
        document.querySelectorAll("a[data-count]").forEach((link) => {
          const found = counts[link.dataset.count] || 0;
          badge(link, found);
          if (link.hasAttribute("aria-label")) link.setAttribute("aria-label", found ? `${link.dataset.label}, ${found} new` : link.dataset.label);
        });
      } catch {
        // The next news count again.
      }
    }, 150);
  };

  // ── The open conversation ───────────────────────────────────────────────────────────────────────────

  const marks = (words, upTo) => {
    thread.querySelectorAll("[data-mine='1']").forEach((bubble) => {
      const mark = bubble.querySelector("[data-marks]");
      if (Number(bubble.dataset.messageId) <= upTo && !mark.textContent.includes("read")) mark.textContent = ` · ${words}`;
    });
  };

  let forget = 0;
  const isWriting = (is) => {
    const words = document.getElementById("typing");
    if (!words) return;
    clearTimeout(forget);
    words.textContent = is ? `${document.getElementById("with").textContent} is writing…` : "";
    words.hidden = !is;
    if (is) forget = setTimeout(() => isWriting(false), 5000);
  };

  const isThere = (is) => {
    const words = document.querySelector("[data-presence]");
    if (!words) return;
    words.textContent = is ? "Online" : "";
    words.hidden = !is;
  };

  // ── What comes ──────────────────────────────────────────────────────────────────────────────────────

  const refresh = () => {
    if (thread) tell("sheda:thread");
    tell("sheda:list");
    count();
  };

  const takers = {
    ready: (frame) => {
      failures = 0;
      tell("sheda:live", { on: true });
      // What happened between the page's making and its first connection; later ones tell what was missed by themselves.
      if (!wasReady || frame.resync) refresh();
      wasReady = true;
      if (other) say({ type: "watch", with: [other] });
    },
    message: (frame) => {
      if (frame.with !== frame.message.receiver_id) say({ type: "delivered", message_id: frame.message.id });
      if (frame.with === other) {
        isWriting(false);
        tell("sheda:thread");
      }
      tell("sheda:list");
      count();
    },
    read: (frame) => {
      if (frame.with === other && frame.user_id === other) marks("read", frame.up_to);
      tell("sheda:list");
      count();
    },
    delivered: (frame) => {
      if (frame.with === other && frame.user_id === other) marks("delivered", frame.up_to);
    },
    typing: (frame) => frame.with === other && isWriting(true),
    presence: (frame) => frame.with === other && isThere(frame.online),
    notification: count,
    appointment: count,
    payment: count,
    contract: count,
  };

  const take = (event) => {
    const frame = JSON.parse(event.data);
    takers[frame.type]?.(frame);
    // Last, so that what could not be shown is told again.
    if (frame.position) position = frame.position;
  };

  // ── The way it comes ────────────────────────────────────────────────────────────────────────────────

  const lost = () => {
    tell("sheda:live", { on: false });
    isThere(false);
  };

  const again = () => {
    const pause = Math.min(LONGEST_PAUSE, 2 ** failures) * (0.5 + Math.random() / 2);
    failures += 1;
    // Where no WebSocket gets through, plain HTTP may.
    setTimeout(failures % 3 === 0 ? listen : connect, pause * 1000);
  };

  const connect = () => {
    if (isOver) return;
    try {
      line = new WebSocket(since(new URL(socketAt, location.href).href.replace(/^http/, "ws")));
    } catch {
      listen();
      return;
    }
    line.addEventListener("message", take);
    line.addEventListener("close", (event) => {
      lost();
      if (event.code !== SIGNED_OUT) again();
    });
  };

  const listen = () => {
    if (isOver) return;
    stream = new EventSource(since(eventsAt));
    stream.addEventListener("message", take);
    stream.addEventListener("error", () => {
      lost();
      if (stream.readyState === EventSource.CLOSED) again();
    });
  };

  let written = 0;
  document.getElementById("message")?.addEventListener("input", () => {
    if (other && Date.now() - written > 3000) {
      written = Date.now();
      say({ type: "typing", with: other });
    }
  });

  window.addEventListener("pagehide", () => {
    isOver = true;
    line?.close();
    stream?.close();
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isOver = false;
    connect();
  });
  connect();
})();
