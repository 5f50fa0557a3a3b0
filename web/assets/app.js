// What the pages do beyond plain HTML: live regions, copying, shortcuts, unsaved text. Nothing here is needed:
// every action is a form or a link without it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const store = {
    get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* storage is off */ } },
    drop: (key) => { try { localStorage.removeItem(key); } catch { /* storage is off */ } },
  };

  // Live regions. Open folds and typed text belong to the reader, so merging leaves them alone.
  Object.assign(Idiomorph.defaults, { ignoreActiveValue: true, restoreFocus: true });
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => {
    if (name === "open" && node.nodeName === "DETAILS") return false;
    if (name === "value" && node.matches("input:not([type=hidden]), textarea, select")) return false;
    return !(name === "checked" && node.matches("input"));
  };

  const rested = new Map();
  let last = new Date();
  const lost = (yes) => {
    const state = document.getElementById("live-state");
    if (!state) return;
    state.hidden = !yes;
    if (yes) state.querySelector("time").textContent = last.toLocaleTimeString("en-GB");
  };
  const say = (region) => {
    const words = region.querySelector("[data-milestone]")?.dataset.milestone;
    const line = document.getElementById("spoken");
    if (words && line && line.textContent !== words) line.textContent = words;
  };
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    last = new Date();
    lost(false);
    const region = event.target;
    if (document.hidden || region.closest("[data-paused]")) {
      event.preventDefault();
      rested.set(region, event.detail.data);
    }
  });
  document.addEventListener("htmx:sseMessage", (event) => { say(event.target); freshen(); });
  document.addEventListener("htmx:sseOpen", () => { last = new Date(); lost(false); });
  document.addEventListener("htmx:sseError", () => { if (!leaving) lost(true); });
  // A page that is left closes its stream itself: otherwise the browser breaks it off, which counts as lost.
  let leaving = false;
  addEventListener("beforeunload", () => {
    leaving = true;
    for (const element of document.querySelectorAll("[sse-connect]")) element["htmx-internal-data"]?.sseEventSource?.close();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  const wake = () => {
    if (document.hidden) return;
    for (const [region, html] of rested) {
      if (region.closest("[data-paused]")) continue;
      rested.delete(region);
      htmx.swap(region, html, { swapStyle: "morph:innerHTML", swapDelay: 0, settleDelay: 0 });
      say(region);
    }
  };
  document.addEventListener("visibilitychange", wake);

  // "12 s ago" ages by itself.
  const ago = (seconds) => {
    if (seconds < 1) return "now";
    if (seconds < 60) return `${Math.floor(seconds)} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} days ago`;
  };
  const skew = Date.now() - Date.parse(document.body?.dataset.now ?? new Date().toISOString());
  const freshen = () => {
    if (document.hidden) return;
    const now = Date.now() - skew;
    for (const time of all("time[data-ago]")) {
      const words = ago((now - Date.parse(time.dateTime)) / 1000);
      const shown = time.firstChild;
      if (shown && shown.nodeValue !== words) shown.nodeValue = words;
    }
    for (const time of all("time[data-since]")) {
      const s = Math.max(0, Math.floor((now - Date.parse(time.dateTime)) / 1000));
      time.textContent = s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
    }
  };
  setInterval(freshen, 1000);

  // Clicks: copy, examples, show password, pause, fold all.
  const click = {
    copy: async (button) => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const label = button.querySelector("[data-word]") ?? button;
      const before = label.textContent;
      label.textContent = "Copied";
      setTimeout(() => { label.textContent = before; }, 2000);
    },
    example: (button) => {
      const field = document.getElementById(button.dataset.for);
      if (field.value.trim() && !confirm("Replace the text you typed with this example?")) return;
      field.value = button.dataset.text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    },
    reveal: (button) => {
      const field = document.getElementById(button.dataset.for);
      const hidden = field.type === "password";
      field.type = hidden ? "text" : "password";
      button.setAttribute("aria-pressed", String(hidden));
    },
    pause: (button) => {
      const main = document.getElementById("content");
      const on = main.toggleAttribute("data-paused");
      button.setAttribute("aria-pressed", String(on));
      if (!on) wake();
    },
    close: (button) => button.closest("dialog").close(),
    keys: () => document.getElementById("keys")?.showModal(),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && click[button.dataset.do]) click[button.dataset.do](button);
  });

  // A form is sent once; the key inside it makes a second click harmless anyway.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
    const field = form.querySelector("textarea[data-keep]");
    if (field) store.drop(`text:${field.dataset.keep}`);
  });
  addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
    for (const button of all("[aria-busy]")) button.removeAttribute("aria-busy");
  });

  // Text that is not saved yet survives a closed tab; the counter speaks near the bound only.
  const encoder = new TextEncoder();
  const count = (field) => {
    const note = document.getElementById(`${field.id}-count`);
    if (!note) return;
    const max = Number(field.dataset.max);
    const used = encoder.encode(field.value).length;
    note.textContent = used > max * 0.8 ? `${used.toLocaleString("en")} of ${max.toLocaleString("en")} bytes` : "";
  };
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.dataset?.max) count(field);
    if (field.dataset?.keep) store.set(`text:${field.dataset.keep}`, field.value);
  });

  // A phrase and its steps light up together.
  const light = (event, on) => {
    const target = event.target.closest?.("[data-phrases]");
    if (!target) return;
    for (const name of target.dataset.phrases.split(" ").filter(Boolean)) {
      for (const mate of all(`[data-phrases~="${CSS.escape(name)}"]`)) mate.classList.toggle("lit", on);
    }
  };
  for (const [kind, on] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
    document.addEventListener(kind, (event) => light(event, on));
  }

  // Shortcuts. Single keys can be switched off under My account.
  let goes = 0;
  const pages = { o: "overview", d: "declarations", a: "approvals", r: "runs", c: "cluster", h: "history" };
  const steps = (by) => {
    const list = all("[data-step]");
    const at = list.findIndex((step) => step.contains(document.activeElement));
    const next = list[Math.min(Math.max(at + by, 0), list.length - 1)];
    if (next) { next.tabIndex = -1; next.focus(); }
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || store.get("keys") === "off") return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const going = Date.now() - goes < 1500;
    goes = 0;
    if (going && pages[event.key]) {
      const link = document.querySelector(`.nav a[href="/${pages[event.key]}"]`);
      if (link) link.click();
    } else if (event.key === "g") goes = Date.now();
    else if (event.key === "?") click.keys();
    else if (event.key === "/") {
      const field = document.querySelector("input[type=search]");
      if (field) { event.preventDefault(); field.focus(); }
    } else if (event.key === "j") steps(1);
    else if (event.key === "k") steps(-1);
    else if (event.key === "o") {
      const fold = document.activeElement.closest("[data-step]")?.querySelector("details");
      if (fold) fold.open = !fold.open;
    }
  });
  addEventListener("beforeprint", () => { for (const fold of all("details")) fold.open = true; });

  document.addEventListener("DOMContentLoaded", () => {
    for (const field of all("textarea[data-keep]")) {
      const kept = store.get(`text:${field.dataset.keep}`);
      if (kept && (!field.value.trim() || kept !== field.defaultValue)) field.value = kept;
      if (field.dataset.max) count(field);
    }
    const keys = document.getElementById("single-keys");
    if (keys) {
      keys.checked = store.get("keys") !== "off";
      keys.addEventListener("change", () => store.set("keys", keys.checked ? "on" : "off"));
    }
    const done = new URLSearchParams(location.search).has("at");
    const focus = document.querySelector("[data-focus]") ?? (done ? document.querySelector("h1") : null);
    if (focus) { focus.tabIndex = -1; focus.focus(); }
    freshen();
  });
})();
