// Small comforts of the admin UI. Every page works without this file: it only saves a page load or a click.
(() => {
  "use strict";

  const closeOnClick = (button) => {
    button.hidden = false;
    button.addEventListener("click", () => button.parentElement.remove());
  };

  // A toast says that something is done; it leaves by itself unless it is being read.
  const fadeToast = (toast) => {
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 3000) : toast.remove());
    setTimeout(leave, 8000);
  };

  // The question before a move opens over the page; where that fails, the link leads to the same question.
  const askHere = async (event) => {
    const link = event.target.closest("a[data-ask]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    try {
      const answer = await fetch(link.href, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const box = page.getElementById("ask");
      if (!answer.ok || !box) throw new Error("no question");
      const dialog = document.createElement("dialog");
      dialog.className = "s-dialog";
      dialog.setAttribute("aria-labelledby", "ask-title");
      dialog.append(document.importNode(box.querySelector("form"), true));
      dialog.querySelector("[data-dismiss]").addEventListener("click", (click) => {
        click.preventDefault();
        dialog.close();
      });
      dialog.addEventListener("close", () => {
        dialog.remove();
        link.focus();
      });
      document.body.append(dialog);
      dialog.showModal();
    } catch {
      location.assign(link.href);
    }
  };

  // A select of rows that are too many to list: type, choose, and the row's id is what is sent.
  const combo = (select) => {
    const box = document.createElement("div");
    const input = document.createElement("input");
    const list = document.createElement("ul");
    const label = document.querySelector(`label[for="${select.id}"]`);
    let active = -1;
    let turn = 0;
    box.className = "s-combo";
    input.className = "form-control";
    input.autocomplete = "off";
    input.id = `${select.id}-find`;
    input.value = select.selectedOptions[0]?.value ? select.selectedOptions[0].text : "";
    input.placeholder = select.dataset.placeholder || "Type to find";
    list.id = `${select.id}-list`;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    for (const [name, value] of [["role", "combobox"], ["aria-expanded", "false"], ["aria-controls", list.id], ["aria-autocomplete", "list"]]) {
      input.setAttribute(name, value);
    }
    if (label) {
      label.htmlFor = input.id;
      list.setAttribute("aria-label", label.textContent);
    }
    const show = (open) => {
      list.hidden = !open;
      input.setAttribute("aria-expanded", String(open));
      if (!open) input.removeAttribute("aria-activedescendant");
    };
    const mark = (index) => {
      active = index;
      [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === index)));
      if (list.children[index]) input.setAttribute("aria-activedescendant", list.children[index].id);
    };
    const choose = (item) => {
      if (!item || !item.dataset.id) return;
      select.replaceChildren(new Option(item.textContent, item.dataset.id, true, true));
      input.value = item.textContent;
      show(false);
    };
    const fill = (rows) => {
      list.replaceChildren(
        ...(rows.length ? rows : [{ id: "", text: "Nothing found" }]).map((row, place) => {
          const item = document.createElement("li");
          item.id = `${list.id}-${place}`;
          item.textContent = row.text;
          item.dataset.id = row.id;
          item.setAttribute("role", "option");
          if (!row.id) item.className = "is-none";
          return item;
        }),
      );
      mark(-1);
      show(true);
    };
    const look = async () => {
      const mine = (turn += 1);
      const address = new URL(select.dataset.options, location.href);
      address.searchParams.set("q", input.value);
      const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (mine === turn && answer.ok) fill((await answer.json()).result);
    };
    let wait = 0;
    input.addEventListener("input", () => {
      clearTimeout(wait);
      select.replaceChildren(new Option("", "", true, true));
      wait = setTimeout(look, 200);
    });
    input.addEventListener("focus", look);
    input.addEventListener("blur", () => setTimeout(() => show(false), 150));
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        if (list.children.length) mark((active + step + list.children.length) % list.children.length);
      } else if (event.key === "Enter" && !list.hidden && active >= 0) {
        event.preventDefault();
        choose(list.children[active]);
      } else if (event.key === "Escape") {
        show(false);
      }
    });
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      choose(event.target.closest("li"));
    });
    select.hidden = true;
    select.after(box);
    box.append(input, list);
  };

  // A double click must not send a form twice, and what nobody filled in does not belong into an address.
  const sendOnce = (event) => {
    if (event.defaultPrevented) return;
    if (event.target.dataset.sent) {
      event.preventDefault();
      return;
    }
    if (event.target.method === "post") event.target.dataset.sent = "yes";
    else [...event.target.elements].filter((field) => field.name && !field.value).forEach((field) => (field.disabled = true));
  };

  // What fits is shown while one types; arrows walk through it, and Enter leads to the page of the search.
  const search = (form) => {
    const input = form.querySelector("input[type=search]");
    const isPage = form.classList.contains("s-search-page");
    let box = isPage ? document.getElementById("results") : null;
    let turn = 0;
    let wait = 0;
    const close = () => {
      if (!isPage && box) box = box.remove();
    };
    const look = async () => {
      const mine = (turn += 1);
      if (input.value.trim().length < 2) return close();
      const answer = await fetch(`${form.action}?${new URLSearchParams({ q: input.value })}`, { credentials: "same-origin" });
      if (mine !== turn || !answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = document.importNode(page.getElementById("results"), true);
      if (box) box.replaceWith(found);
      else form.append(found);
      box = found;
    };
    input.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(look, 150);
    });
    form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || close());
    (isPage ? document : form).addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        close();
        input.focus();
      }
      if (!box || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
      const stops = [input, ...box.querySelectorAll("a")];
      const place = stops.indexOf(document.activeElement);
      if (place < 0) return;
      event.preventDefault();
      stops[(place + (event.key === "ArrowDown" ? 1 : -1) + stops.length) % stops.length].focus();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (input.offsetParent) input.select();
      else location.assign(form.action);
    });
  };

  // What others write appears by itself: the page is asked again, and the parts that differ are taken over.
  const poll = (part) => {
    const again = async () => {
      if (!document.hidden) {
        try {
          const answer = await fetch(location.href, { credentials: "same-origin" });
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          document.querySelectorAll("[data-poll]").forEach((old) => {
            const fresh = answer.ok && page.getElementById(old.id);
            if (!fresh || fresh.innerHTML === old.innerHTML || old.contains(document.activeElement)) return;
            old.replaceChildren(...document.importNode(fresh, true).childNodes);
            old.querySelectorAll("form[data-quietly]").forEach(sendQuietly);
          });
        } catch {
          // The next turn comes anyway.
        }
      }
      setTimeout(again, Number(part.dataset.poll) * 1000);
    };
    setTimeout(again, Number(part.dataset.poll) * 1000);
  };

  // A time is chosen among the free ones, or named: whichever was last.
  const oneTime = (event) => {
    const times = event.target.form?.querySelector(".s-times");
    const typed = times && event.target.form.querySelector("input[type=datetime-local]");
    if (!typed) return;
    if (event.target === typed) times.querySelectorAll(":checked").forEach((radio) => (radio.checked = false));
    else if (times.contains(event.target)) typed.value = "";
  };

  // A quick reply is written into the field, where it can still be changed before it is sent.
  const quickReply = (button) => {
    button.addEventListener("click", () => {
      const field = document.getElementById("message");
      field.value = field.value ? `${field.value.trimEnd()} ${button.value}` : button.value;
      field.focus();
    });
  };

  // The bar of what can be done with ticked rows comes with the first tick.
  const bulkBar = (bar) => {
    const ticks = [...document.querySelectorAll("input[form=bulk]")];
    const all = document.querySelector("[data-tick-all]");
    const count = () => {
      const ticked = ticks.filter((tick) => tick.checked).length;
      bar.hidden = !ticked;
      bar.querySelector("[data-bulk-count]").textContent = `${ticked} ticked`;
      ticks.forEach((tick) => tick.closest("tr").toggleAttribute("data-ticked", tick.checked));
      all.firstElementChild.nextElementSibling.checked = ticked === ticks.length;
    };
    document.querySelector("[data-tick-label]").hidden = true;
    all.hidden = false;
    all.addEventListener("change", (event) => {
      ticks.forEach((tick) => (tick.checked = event.target.checked));
      count();
    });
    ticks.forEach((tick) => tick.addEventListener("change", count));
    count();
  };

  // One panel is open at a time, over a list that rests meanwhile; Escape or a click elsewhere closes it.
  const panels = (all) => {
    const rest = () => {
      const isOpen = all.some((one) => one.open);
      document.querySelectorAll(".s-narrowing ~ .s-card").forEach((list) => list.toggleAttribute("inert", isOpen));
    };
    const close = (except) => all.forEach((one) => one !== except && (one.open = false));
    all.forEach((one) => {
      one.addEventListener("toggle", () => {
        if (one.open) close(one);
        rest();
      });
      one.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !one.open) return;
        one.open = false;
        one.querySelector("summary").focus();
      });
    });
    document.addEventListener("click", (event) => close(event.target.closest("details.s-pop")));
  };

  // What has been seen is told to the server without a click.
  const sendQuietly = (form) => {
    form.hidden = true;
    fetch(form.action, { method: "post", body: new FormData(form), credentials: "same-origin" }).catch(() => {
      form.hidden = false;
    });
  };

  document.documentElement.dataset.script = "";
  document.querySelectorAll("[data-close]").forEach(closeOnClick);
  document.querySelectorAll(".s-toast").forEach(fadeToast);
  document.querySelectorAll("select[data-options]").forEach(combo);
  document.querySelectorAll("select[data-submit]").forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));
  document.querySelectorAll("form[data-bulk]").forEach(bulkBar);
  panels([...document.querySelectorAll("details.s-pop")]);
  document.querySelectorAll("form[data-search]").forEach(search);
  [...document.querySelectorAll("[data-poll]")].slice(0, 1).forEach(poll);
  document.querySelectorAll("button[data-quick]").forEach(quickReply);
  document.querySelectorAll("form[data-quietly]").forEach(sendQuietly);
  document.addEventListener("click", askHere);
  document.addEventListener("submit", sendOnce);
  document.addEventListener("input", oneTime);
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
    document.querySelectorAll("form[method=get] :disabled").forEach((field) => (field.disabled = false));
  });
})();
