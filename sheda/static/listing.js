// The editor of a listing: what moving in costs while one types, drafts that keep themselves, photos by drag and drop.
// Every page works without this file; it asks the same routes that the forms lead to.
(() => {
  "use strict";
  const form = document.getElementById("listing");
  if (!form) return;
  const $ = (id) => document.getElementById(id);
  const field = (name) => form.elements[name];
  const symbols = JSON.parse(form.dataset.symbols);
  const others = JSON.parse(form.dataset.others);
  const icons = document.querySelector("use").getAttribute("href").split("#")[0];
  const isDraft = form.dataset.state === "draft";
  const token = () => form.elements.csrf_token.value;
  const quiet = (more) => ({ "X-Requested-With": "fetch", ...more });

  const make = (tag, look, ...inside) => {
    const node = document.createElement(tag);
    if (look) node.className = look;
    node.append(...inside);
    return node;
  };
  const icon = (name) => {
    const space = "http://www.w3.org/2000/svg";
    const node = document.createElementNS(space, "svg");
    node.setAttribute("class", "s-i");
    node.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(space, "use");
    use.setAttribute("href", `${icons}#i-${name}`);
    node.append(use);
    return node;
  };

  // ── What moving in costs: the rule of sheda/properties/costs.py, in hundredths of the currency ────────────────────
  const LARGEST = 100000000000000n;
  const hundredths = (text) => {
    const found = /^(\d{1,13})(?:\.(\d{1,2})0*)?$/.exec(text.replace(/[,₦ ]/g, ""));
    const amount = found ? BigInt(found[1]) * 100n + BigInt((found[2] || "").padEnd(2, "0")) : 0n;
    return amount <= LARGEST ? amount : 0n;
  };
  const shareOf = (price, text) => {
    const found = /^(\d{1,3})(?:\.(\d{1,2}))?\s*%$/.exec(text.trim());
    if (!found) return null;
    return (price * (BigInt(found[1]) * 100n + BigInt((found[2] || "").padEnd(2, "0"))) + 5000n) / 10000n;
  };
  const words = (amount, currency) => {
    const whole = (amount / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
    const rest = amount % 100n ? `.${(amount % 100n).toString().padStart(2, "0")}` : "";
    return `${symbols[currency] || `${currency} `}${whole}${rest}`;
  };
  const costs = () => {
    const currency = field("currency").value;
    const price = hundredths(field("price").value);
    const isRent = field("listing_type").value === "rent";
    const lines = [[isRent ? `Rent, 1 ${field("period").value}` : "Price", price]];
    for (const fee of form.querySelectorAll("[data-fee]")) {
      const share = shareOf(price, fee.value);
      const amount = share === null ? hundredths(fee.value) : share;
      const box = fee.closest("[data-field]");
      box.querySelector(".s-share")?.remove();
      if (share) box.append(make("p", "s-hint s-share", words(share, currency)));
      if (amount) lines.push([fee.dataset.fee, amount]);
    }
    for (const fee of others) lines.push([fee.words, hundredths(fee.amount)]);
    const total = lines.reduce((sum, line) => sum + line[1], 0n);
    const shown = price ? words(total, currency) : "—";
    if ($("total").value !== shown) $("total").value = shown;
    document.querySelector("[data-total]").textContent = shown;
    const rows = [...lines, ["To move in", total]].flatMap(([label, amount], place) => {
      const look = place === lines.length ? "s-sum" : "";
      return [make("dt", look, label), make("dd", look, words(amount, currency))];
    });
    $("cost-lines").replaceChildren(...(price ? rows : []));
    form.querySelectorAll("[data-unit]").forEach((unit) => (unit.textContent = symbols[currency] || currency));
  };
  const fit = () => {
    const isRent = field("listing_type").value === "rent";
    const isLand = field("property_type").value === "land";
    const show = (name, yes) => (form.querySelector(`[data-field="${name}"]`).hidden = !yes);
    show("period", isRent);
    show("bedroom", !isLand);
    show("bathroom", !isLand);
    form.querySelector('label[for="price"]').textContent = isRent ? "Rent" : "Price";
  };

  // ── Keeping what is written ───────────────────────────────────────────────────────────────────────────────────────
  let version = form.elements.version.value;
  let address = form.dataset.new ? location.pathname : form.getAttribute("action") || location.pathname;
  let isDirty = false;
  let saving = null;
  let wait = 0;
  let pause = 1000;

  const fragment = (html) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    return fresh.content;
  };
  const say = (text, tone, ...more) => {
    $("saved").replaceChildren(...(text ? [`· ${text}`, ...more] : []));
    $("saved").dataset.tone = tone || "";
  };
  const notice = (text, tone, ...buttons) => {
    const box = make("div", `alert alert-${tone}`, icon(tone === "danger" ? "warn" : "info"), make("span", "", text), ...buttons);
    $("notice").replaceChildren(...(text ? [box] : []));
  };
  const button = (label, look, act) => {
    const node = make("button", `btn btn-sm ${look}`, label);
    node.type = "button";
    node.addEventListener("click", act);
    return node;
  };
  const mark = (faults) => {
    form.querySelectorAll("[data-field] .s-err").forEach((old) => old.remove());
    for (const old of form.querySelectorAll("[aria-invalid]")) {
      old.removeAttribute("aria-invalid");
      if ($(`${old.id}-h`)) old.setAttribute("aria-describedby", `${old.id}-h`);
      else old.removeAttribute("aria-describedby");
    }
    const elsewhere = [];
    for (const fault of faults) {
      const box = form.querySelector(`[data-field="${CSS.escape(fault.field.split(".")[0])}"]`);
      if (!box) elsewhere.push(fault.message);
      else {
        const said = make("p", "s-err", icon("warn"), fault.message);
        const control = box.querySelector("input, select, textarea");
        said.id = `${control.id}-e`;
        control.setAttribute("aria-invalid", "true");
        control.setAttribute("aria-describedby", said.id);
        box.append(said);
      }
    }
    notice(elsewhere.join(" "), "danger");
  };
  // A page that outlived its session gets a new token from a fresh one: what was written stays here.
  const renew = async () => {
    const answer = await fetch(address, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#listing input[name=csrf_token]");
    if (!fresh) return false;
    document.querySelectorAll("input[name=csrf_token]").forEach((old) => (old.value = fresh.value));
    return true;
  };
  const settle = (found) => {
    if (form.dataset.new) {
      form.dataset.new = "";
      history.replaceState(null, "", found.action);
      document.querySelector(".s-crumbs [aria-current]").textContent = "Edit";
      form.querySelector('[data-field="agent_id"]')?.remove();
    }
    [version, address] = [found.version, found.action];
    form.elements.version.value = version;
    form.dataset.photos = found.photos;
    form.action = found.action;
    $("preview").href = found.preview;
    $("preview").hidden = false;
    $("name").textContent = `Edit ${found.title}`;
    $("checklist").innerHTML = found.checklist;
  };
  const refused = async (answer) => {
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 412) {
      say("Not saved", "bad");
      const newer = button("Show the newer one", "btn-default", () => {
        isDirty = false;
        location.reload();
      });
      const mine = button("Keep what is here", "btn-primary", async () => {
        const fresh = await fetch(address, { credentials: "same-origin" });
        const page = new DOMParser().parseFromString(await fresh.text(), "text/html");
        version = page.querySelector("#listing input[name=version]")?.value || version;
        notice("");
        save();
      });
      notice("This listing was changed in another window or by somebody else. Nothing of theirs or yours is lost yet: choose which stays.", "danger", newer, mine);
    } else if (answer.status === 401 || answer.status === 400) {
      say("Not saved: you are signed out", "bad");
      const door = make("a", "btn btn-sm btn-default", "Sign in in another window");
      door.href = "/login/";
      door.target = "_blank";
      notice("You are signed out. What you wrote is kept on this page.", "danger", door, button("Try again", "btn-primary", async () => (await renew()) && save()));
    } else if (told.errors?.length) {
      say("Not saved: see what is marked", "bad");
      mark(told.errors);
    } else {
      say("Not saved", "bad");
      notice(told.detail || "Sheda could not save this. What you wrote is kept on this page; try again in a moment.", "danger", button("Try again", "btn-primary", () => save()));
    }
    return null;
  };
  const send = async (act) => {
    const body = new FormData(form);
    body.delete("files");
    if (act) body.set("act", act);
    isDirty = false;
    say("Saving…");
    let answer;
    try {
      answer = await fetch(address, { method: "post", body, credentials: "same-origin", headers: quiet({ "If-Match": `"${version}"` }) });
    } catch {
      isDirty = true;
      say("No connection. Kept on this page, and saved as soon as there is one.", "bad");
      clearTimeout(wait);
      wait = setTimeout(() => save(act), (pause = Math.min(pause * 2, 30000)));
      return null;
    }
    pause = 1000;
    if (answer.status === 400 && (await renew().catch(() => false)) && !send.again) {
      send.again = true;
      return send(act);
    }
    send.again = false;
    if (!answer.ok) {
      isDirty = true;
      return refused(answer);
    }
    const found = await answer.json();
    settle(found);
    mark(found.faults);
    if (found.go) {
      location.assign(found.go);
      return found;
    }
    const left = found.faults.length ? (act === "publish" ? ", not live yet: see what is marked" : ", but for what is marked") : "";
    say("Saved ", left ? "wait" : "", fragment(found.saved), left);
    if (act === "publish" && found.faults.length) form.querySelector("[aria-invalid]")?.focus();
    return found;
  };
  // One after the other: what is written while it is being saved is saved next.
  const save = (act) => {
    clearTimeout(wait);
    saving = (saving || Promise.resolve()).then(() => send(act));
    return saving;
  };
  const later = () => {
    isDirty = true;
    if (!isDraft) return say("Not saved yet", "wait");
    clearTimeout(wait);
    wait = setTimeout(() => save(), 1200);
  };
  const changed = (event) => {
    if (event.target.id === "files" || event.target.form !== form) return;
    costs();
    fit();
    later();
  };
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("form")) return;
    event.preventDefault();
    save(event.submitter?.value || "save");
  });
  window.addEventListener("online", () => isDirty && isDraft && save());
  window.addEventListener("beforeunload", (event) => (isDirty || unkept().length) && event.preventDefault());
  $("preview").addEventListener("click", async (event) => {
    if (!isDirty || !isDraft) return;
    event.preventDefault();
    if (await save()) location.assign($("preview").href);
  });

  // ── Places: local governments of the state, towns of the local government ─────────────────────────────────────────
  let here = {};
  let guessed = "";
  const offer = (list, names) => $(list).replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
  const towns = () => {
    const lga = Object.keys(here).find((name) => name.toLowerCase() === field("lga").value.trim().toLowerCase());
    offer("towns", lga ? here[lga] : [...new Set(Object.values(here).flat())].sort());
  };
  const look = async () => {
    const state = field("state").value;
    try {
      here = state ? (await (await fetch(`${form.dataset.where}?state=${encodeURIComponent(state)}`, { credentials: "same-origin", headers: quiet() })).json()).result : {};
    } catch {
      here = {};
    }
    offer("lgas", Object.keys(here));
    towns();
  };
  const place = () => {
    const known = [field("city"), field("lga"), field("state")].map((one) => one.value.trim()).filter(Boolean);
    const location = field("location");
    if (!location.value || location.value === guessed) location.value = guessed = [...new Set(known.slice(0, 2))].join(", ");
  };
  field("state").addEventListener("change", async () => {
    await look();
    place();
  });
  field("lga").addEventListener("change", () => {
    towns();
    place();
  });
  field("city").addEventListener("change", () => {
    const town = field("city").value.trim().toLowerCase();
    const in_ = Object.keys(here).filter((lga) => here[lga].some((name) => name.toLowerCase() === town));
    if (in_.length === 1 && !field("lga").value) field("lga").value = in_[0];
    place();
  });
  if (field("state").value) field("state").addEventListener("focus", look, { once: true });

  // ── Photos ────────────────────────────────────────────────────────────────────────────────────────────────────────
  const list = $("photo-list");
  const add = list.querySelector(".s-add");
  const shown = () => [...list.querySelectorAll("[data-photo]")];
  const captions = () => [...list.querySelectorAll("[data-caption]")];
  const unkept = () => captions().filter((one) => one.value !== one.defaultValue);
  const tell = (text) => ($("photos-said").textContent = text);
  const trouble = async (answer) => {
    const told = answer ? await answer.json().catch(() => ({})) : {};
    const why = told.errors?.length ? told.errors.map((one) => one.message).join(" ") : told.detail;
    notice(why || "No connection: the photos are as they were. Try again in a moment.", "danger");
  };
  const ready = () => {
    document.querySelectorAll("[data-photo-count]").forEach((count) => (count.textContent = shown().length));
    // In a photo that can be dragged the pointer could not choose among the letters of its caption.
    shown().forEach((photo) => (photo.draggable = shown().length > 1 && !photo.querySelector("[data-caption]:focus")));
    clearTimeout(ready.wait);
    if (list.querySelector("[data-waiting]")) ready.wait = setTimeout(again, (ready.pause = Math.min((ready.pause || 600) * 1.4, 10000)));
    else ready.pause = 600;
  };
  const take = (html) => {
    const focused = document.activeElement?.closest?.("[data-photo]") ? document.activeElement : null;
    const id = focused?.closest("[data-photo]").dataset.photo;
    const kind = focused && (["[data-grip]", "[data-caption]"].find((one) => focused.matches(one)) || `button[value="${focused.value}"]`);
    const caret = focused?.selectionStart;
    const typed = new Map(unkept().map((one) => [one.name, one.value]));
    shown().forEach((old) => old.remove());
    list.prepend(fragment(html));
    captions().forEach((one) => typed.has(one.name) && (one.value = typed.get(one.name)));
    const photo = id && list.querySelector(`[data-photo="${id}"]`);
    const same = photo?.querySelector(kind);
    (same && !same.disabled ? same : photo?.querySelector("button:not(:disabled)"))?.focus();
    if (kind === "[data-caption]") same?.setSelectionRange(caret, caret);
    if (focused && !photo) $("files").focus();
    ready();
    if (isDraft && !isDirty) refresh();
  };
  // One word with the server after the other, so that nothing is drawn as it was before what has been saved since.
  let turn = Promise.resolve();
  const inTurn = (work) => (turn = turn.then(work, work));
  const again = () => inTurn(async () => {
    if (!document.hidden && form.dataset.photos) {
      const answer = await fetch(form.dataset.photos, { credentials: "same-origin", headers: quiet() }).catch(() => null);
      if (answer?.ok) return take(await answer.text());
    }
    return ready();
  });
  // The checklist counts photos: a save that changes nothing brings it.
  const refresh = () => {
    clearTimeout(wait);
    wait = setTimeout(() => save(), 300);
  };
  const move = (photo, act, at) => inTurn(async () => {
    const body = new FormData();
    body.set("csrf_token", token());
    body.set("act", act);
    if (at !== undefined) body.set("place", at);
    const answer = await fetch(photo.dataset.action, { method: "post", body, credentials: "same-origin", headers: quiet() }).catch(() => null);
    if (answer?.ok) {
      take(await answer.text());
      const number = shown().findIndex((one) => one.dataset.photo === photo.dataset.photo) + 1;
      tell(act === "remove" ? "Photo removed." : act === "cover" ? `Photo ${number} is the cover.` : `Photo moved to place ${number} of ${shown().length}.`);
    } else {
      await trouble(answer);
      again();
    }
  });
  const describe = (caption) => inTurn(async () => {
    const [before, now] = [caption.defaultValue, caption.value];
    const known = (text) => captions().forEach((one) => one.name === caption.name && (one.defaultValue = text));
    const body = new FormData();
    body.set("csrf_token", token());
    body.set(caption.name, now);
    known(now);
    const answer = await fetch(`${form.dataset.photos}/captions`, { method: "post", body, credentials: "same-origin", keepalive: true, headers: quiet() }).catch(() => null);
    known(answer?.ok ? now : before);
    return answer?.ok ? tell("Caption saved.") : trouble(answer);
  });
  list.addEventListener("focusin", (event) => event.target.matches("[data-caption]") && (event.target.closest("[data-photo]").draggable = false));
  list.addEventListener("focusout", (event) => {
    if (!event.target.matches("[data-caption]")) return;
    event.target.closest("[data-photo]").draggable = shown().length > 1;
    if (event.target.value !== event.target.defaultValue) describe(event.target);
  });
  $("photo-captions").addEventListener("submit", (event) => {
    event.preventDefault();
    unkept().forEach(describe);
  });
  list.addEventListener("click", (event) => {
    const tool = event.target.closest("button[name=act]");
    if (!tool) return;
    event.preventDefault();
    tool.focus();
    move(tool.closest("[data-photo]"), tool.value);
  });
  list.addEventListener("keydown", (event) => {
    const grip = event.target.closest("[data-grip]");
    const act = { ArrowLeft: "earlier", ArrowUp: "earlier", ArrowRight: "later", ArrowDown: "later" }[event.key];
    if (!grip || !act) return;
    event.preventDefault();
    move(grip.closest("[data-photo]"), act);
  });
  let dragged = null;
  const aim = (photo) => shown().forEach((one) => one.classList.toggle("is-target", one === photo && one !== dragged));
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-photo]");
    if (!dragged) return;
    dragged.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.photo);
  });
  list.addEventListener("dragover", (event) => {
    const photo = dragged && event.target.closest("[data-photo]");
    if (!photo) return;
    event.preventDefault();
    aim(photo);
  });
  list.addEventListener("drop", (event) => {
    const photo = dragged && event.target.closest("[data-photo]");
    if (!photo || photo === dragged) return;
    event.preventDefault();
    move(dragged, "place", shown().indexOf(photo));
  });
  list.addEventListener("dragend", () => {
    dragged?.classList.remove("is-dragged");
    dragged = null;
    aim(null);
  });

  // Each file travels alone, two at once, and says for itself how far it is and what is wrong with it.
  const KINDS = ["image/jpeg", "image/png", "image/webp"];
  const waiting = [];
  let travelling = 0;
  const refuse = (tile, file, why, retry) => {
    const close = button("Dismiss", "btn-default", () => {
      tile.remove();
      $("files").focus();
    });
    const said = make("p", "s-err", icon("warn"), make("span", "", `${file.name}: ${why}`));
    said.setAttribute("role", "alert");
    tile.classList.remove("is-loading");
    tile.replaceChildren(make("div", "s-refused", said, ...(retry ? [button("Try again", "btn-primary", retry)] : []), close));
  };
  const draw = async (tile, file) => {
    try {
      const picture = await createImageBitmap(file, { resizeWidth: 320, resizeQuality: "low" });
      const canvas = make("canvas");
      [canvas.width, canvas.height] = [picture.width, picture.height];
      canvas.getContext("2d").drawImage(picture, 0, 0);
      tile.querySelector(".s-whole")?.replaceChildren(canvas);
    } catch {
      // The server says what is wrong with it.
    }
  };
  const begin = (tile, file) => {
    const bar = make("progress", "s-meter");
    const far = make("span", "", `${file.name} · waiting`);
    [bar.max, bar.value] = [100, 0];
    bar.setAttribute("aria-label", `Uploading ${file.name}`);
    tile.className = "s-photo is-loading";
    tile.replaceChildren(make("div", "s-whole", icon("image")), make("div", "s-prog", far, bar));
    draw(tile, file);
    waiting.push({ tile, file, bar, far });
    next();
  };
  const next = async () => {
    if (travelling >= 2 || !waiting.length) return;
    travelling += 1;
    const one = waiting.shift();
    try {
      if (!form.dataset.photos) {
        if (!(await save()) && !form.dataset.photos) throw new Error("no draft");
      }
      await upload(one);
    } catch {
      refuse(one.tile, one.file, "no connection.", () => begin(one.tile, one.file));
    }
    travelling -= 1;
    next();
    if (!travelling && !waiting.length) tell(`${shown().length} photos.`);
  };
  const upload = ({ tile, file, bar, far }) =>
    new Promise((done, fail) => {
      const body = new FormData();
      body.set("csrf_token", token());
      body.append("files", file);
      const request = new XMLHttpRequest();
      request.open("POST", form.dataset.photos);
      request.setRequestHeader("X-Requested-With", "fetch");
      request.upload.addEventListener("progress", (event) => {
        const part = event.lengthComputable ? Math.round((100 * event.loaded) / event.total) : 0;
        bar.value = part;
        far.textContent = `${file.name} · ${part < 100 ? `${part} %` : "being checked"}`;
      });
      request.addEventListener("error", fail);
      request.addEventListener("load", () => {
        if (request.status === 200) {
          tile.remove();
          take(request.responseText);
        } else {
          let told = {};
          try {
            told = JSON.parse(request.responseText);
          } catch {
            // A proxy in between may answer in its own words.
          }
          const why = told.errors?.length ? told.errors.map((one) => one.message).join(" ") : told.detail;
          refuse(tile, file, (why || "it could not be taken in.").replace(`${file.name}: `, ""), request.status >= 500 ? () => begin(tile, file) : null);
        }
        done();
      });
      request.send(body);
    });
  const receive = (files) => {
    const room = Number(form.dataset.most) - shown().length - list.querySelectorAll(".is-loading").length;
    [...files].forEach((file, place) => {
      const tile = make("li", "s-photo");
      list.insertBefore(tile, add);
      if (!KINDS.includes(file.type)) refuse(tile, file, "only JPEG, PNG and WebP pictures can be shown.");
      else if (file.size > Number(form.dataset.bytes)) refuse(tile, file, `it is larger than ${Number(form.dataset.bytes) / 1048576} MB.`);
      else if (place >= room) refuse(tile, file, `a listing has at most ${form.dataset.most} photos. Remove some first.`);
      else begin(tile, file);
    });
  };
  $("files").addEventListener("change", (event) => {
    receive(event.target.files);
    event.target.value = "";
  });
  const zone = $("photos");
  const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  zone.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.add("is-over");
  });
  zone.addEventListener("dragleave", (event) => zone.contains(event.relatedTarget) || zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("is-over");
    receive(event.dataTransfer.files);
  });
  // A file that misses its place must not replace the page and what was written on it.
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => carriesFiles(event) && event.preventDefault());

  // ── Where one is on the page ──────────────────────────────────────────────────────────────────────────────────────
  const seen = new IntersectionObserver(
    (entries) => {
      const now = entries.find((entry) => entry.isIntersecting);
      if (!now) return;
      for (const tab of document.querySelectorAll(".s-tabs a[href^='#']")) {
        if (tab.hash === `#${now.target.id}`) tab.setAttribute("aria-current", "true");
        else tab.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-25% 0px -70% 0px" },
  );
  form.querySelectorAll(".s-form > section[id]").forEach((section) => seen.observe(section));

  costs();
  fit();
  ready();
})();
