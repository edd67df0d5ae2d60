// The inbox while it is open: what comes appears, what is written goes without a new page. Without this file every part
// of it works by links and forms.
(() => {
  "use strict";

  const root = document.querySelector("[data-inbox]");
  const thread = document.getElementById("thread");
  const list = document.getElementById("chat-list");
  const find = document.getElementById("find-chat");
  const say = document.getElementById("say");
  const same = { credentials: "same-origin" };
  let isLive = false;

  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
  const ask = async (address) => {
    const answer = await fetch(address, same);
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return parsed(await answer.text());
  };
  const bubbles = () => [...thread.querySelectorAll("[data-message-id]")];
  const token = () => document.querySelector("input[name=csrf_token]").value;

  // ── The thread ──────────────────────────────────────────────────────────────────────────────────────

  // A day is named once, above its first message.
  const nameDaysOnce = () => {
    const seen = new Set();
    thread.querySelectorAll(".s-day-mark").forEach((mark) => (seen.has(mark.dataset.day) ? mark.remove() : seen.add(mark.dataset.day)));
  };

  const settle = () => {
    const all = bubbles();
    nameDaysOnce();
    if (!all.length) return;
    document.getElementById("nothing-yet")?.remove();
    thread.dataset.firstId = all[0].dataset.messageId;
    thread.dataset.lastId = all[all.length - 1].dataset.messageId;
    if (!document.hidden && all.some((one) => one.dataset.mine === "0" && one.dataset.read === "0")) markRead(all);
  };

  const markRead = async (all) => {
    all.forEach((one) => one.dataset.mine === "0" && (one.dataset.read = "1"));
    const form = new FormData();
    form.set("csrf_token", token());
    try {
      await fetch(thread.dataset.seenAt, { ...same, method: "post", body: form });
      document.getElementById("thread-mark").replaceChildren();
    } catch {
      // They are marked with the next ones that come.
    }
  };

  const add = (page) => {
    const known = new Set(bubbles().map((one) => one.dataset.messageId));
    const fresh = [...page.querySelectorAll("li")].filter((one) => !known.has(one.dataset.messageId) && !one.matches(".s-earlier, .s-unread-mark"));
    if (fresh.some((one) => one.dataset.messageId)) thread.append(...fresh.map((one) => document.importNode(one, true)));
    settle();
  };

  const catchUp = async () => add(await ask(`${thread.dataset.fragment}?after=${thread.dataset.lastId || 0}`));

  const loadEarlier = async (event) => {
    const link = event.target.closest("a[data-earlier]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      const page = await ask(`${thread.dataset.fragment}?before=${thread.dataset.firstId}`);
      const first = bubbles()[0];
      link.closest("li").remove();
      thread.prepend(...[...page.querySelectorAll("li")].map((one) => document.importNode(one, true)));
      settle();
      const focus = thread.querySelector("a[data-earlier]") || thread.closest("[tabindex]");
      focus.focus({ preventScroll: true });
      first.scrollIntoView({ block: "start" });
    } catch {
      location.assign(link.href);
    }
  };

  // ── The list ────────────────────────────────────────────────────────────────────────────────────────

  let turn = 0;
  const refreshList = async () => {
    const mine = (turn += 1);
    const asked = new URLSearchParams({ search: find.value.trim(), current: thread?.dataset.userId || "" });
    const page = await ask(`${root.dataset.rows}?${asked}`);
    if (mine !== turn || list.innerHTML === page.body.innerHTML || list.contains(document.activeElement)) return;
    list.replaceChildren(...document.importNode(page.body, true).childNodes);
  };

  let wait = 0;
  find.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => refreshList().catch(() => {}), 200);
  });

  // ── Writing ─────────────────────────────────────────────────────────────────────────────────────────

  const writing = () => {
    const field = document.getElementById("message");
    const chooser = document.getElementById("files");
    const picked = document.getElementById("picked");
    const error = document.getElementById("say-error");
    const progress = document.getElementById("progress");
    let files = [];
    let isSending = false;

    const complain = (words) => {
      error.textContent = words;
      error.hidden = !words;
    };
    const sizeOf = (file) => (file.size < 1048576 ? `${Math.max(1, Math.round(file.size / 1024))} KB` : `${(file.size / 1048576).toFixed(1)} MB`);

    const show = () => {
      picked.hidden = !files.length;
      picked.replaceChildren(
        ...files.map((file) => {
          const item = document.createElement("li");
          if (file.type.startsWith("image/")) {
            const image = document.createElement("img");
            const reader = new FileReader();
            image.alt = "";
            reader.addEventListener("load", () => (image.src = reader.result));
            reader.readAsDataURL(file);
            item.append(image);
          }
          const name = document.createElement("span");
          name.className = "s-clip";
          name.textContent = file.name;
          const size = document.createElement("small");
          size.textContent = sizeOf(file);
          const off = document.createElement("button");
          off.type = "button";
          off.textContent = "×";
          off.setAttribute("aria-label", `Take ${file.name} off`);
          off.addEventListener("click", () => {
            files = files.filter((one) => one !== file);
            show();
            field.focus();
          });
          item.append(name, size, off);
          return item;
        }),
      );
    };

    const pick = (chosen) => {
      const most = Number(say.dataset.mostBytes);
      const large = chosen.find((file) => file.size > most);
      const wanted = [...files, ...chosen.filter((file) => file.size <= most)];
      complain(large ? `${large.name} has ${sizeOf(large)}. A file may have at most ${Math.floor(most / 1048576)} MB.` : "");
      if (wanted.length > Number(say.dataset.mostFiles)) complain(`A message takes at most ${say.dataset.mostFiles} files.`);
      files = wanted.slice(0, Number(say.dataset.mostFiles));
      chooser.value = "";
      show();
      field.focus();
    };

    const sent = (page) => {
      add(page.getElementById("thread"));
      say.querySelector("[name=client_msg_id]").value = page.querySelector("[name=client_msg_id]").value;
      field.value = "";
      files = [];
      show();
      refreshList().catch(() => {});
    };

    const send = (event) => {
      event.preventDefault();
      if (isSending || (!field.value.trim() && !files.length)) return field.focus();
      const body = new FormData(say);
      body.delete("files");
      files.forEach((file) => body.append("files", file, file.name));
      const request = new XMLHttpRequest();
      const done = (words) => {
        isSending = false;
        progress.hidden = true;
        complain(words);
        field.focus();
      };
      request.upload.addEventListener("progress", (part) => (progress.value = part.lengthComputable ? (100 * part.loaded) / part.total : 0));
      request.addEventListener("error", () => done("Not sent: there is no connection. Press Send again; it is sent once."));
      request.addEventListener("load", () => {
        const page = parsed(request.responseText);
        if (request.status === 200 && page.getElementById("thread")) {
          sent(page);
          done("");
        } else {
          done(page.querySelector(".alert-danger span, main p")?.textContent.trim() || "Not sent. Press Send again.");
        }
      });
      isSending = true;
      progress.value = 0;
      progress.hidden = !files.length;
      request.open("POST", say.action);
      request.send(body);
    };

    chooser.addEventListener("change", () => pick([...chooser.files]));
    say.addEventListener("submit", send);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      say.requestSubmit();
    });
    field.addEventListener("paste", (event) => {
      const pasted = [...event.clipboardData.files];
      if (pasted.length) {
        event.preventDefault();
        pick(pasted);
      }
    });
    document.addEventListener("keydown", (event) => {
      const reply = event.altKey && /^Digit[1-9]$/.test(event.code) && document.querySelectorAll("button[data-quick]")[Number(event.code[5]) - 1];
      if (!reply) return;
      event.preventDefault();
      reply.click();
    });
  };

  const again = async () => {
    if (!document.hidden && !isLive) {
      try {
        if (thread) await catchUp();
        await refreshList();
      } catch {
        // The next turn comes anyway.
      }
    }
    setTimeout(again, Number(root.dataset.every) * 1000);
  };

  document.addEventListener("sheda:live", (event) => (isLive = event.detail.on));
  document.addEventListener("sheda:thread", () => catchUp().catch(() => {}));
  document.addEventListener("sheda:list", () => refreshList().catch(() => {}));
  if (thread) {
    thread.addEventListener("click", loadEarlier);
    document.addEventListener("visibilitychange", settle);
    settle();
  }
  if (say) writing();
  setTimeout(again, Number(root.dataset.every) * 1000);
})();
