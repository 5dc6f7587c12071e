// The chat page's live part. The page works without it; with it, nothing typed is lost on a bad line: what is not yet
// acknowledged stays in localStorage and is sent again under the same id. Text becomes text nodes, never markup.
"use strict";
(() => {
  const find = (query, from = document) => from.querySelector(query);
  const page = document.body.dataset;
  const [log, scroller, down, menu, write, net] = [".log", ".scroll", ".down", "form.menu", "form.write", "p.net"].map((query) => find(query));
  const input = write.elements.text;
  const UNSENT = `chat:unsent:${page.chat}`;
  const DRAFT = "chat:draft";
  const ASIDES = 2; // messages of the service's own accord that keep their buttons
  const LOST = "Няма връзка. Ще опитаме пак.";
  const desk = matchMedia("(hover: hover) and (pointer: fine)");

  let last = Number(page.last);
  let queue = kept();
  let sending = false;
  let tries = 0;
  let again = 0; // the timer of the next try
  let source = null;
  let dots = null;
  let burst = null; // the first line of what is arriving now
  let clicked = null;
  let day = Array.from(log.querySelectorAll(".day"), (shown) => shown.textContent).pop(); // above the newest lines

  // --- what is kept in the browser; a browser may forbid it, and then only a reload loses what is unsent ---

  function kept() {
    try {
      return JSON.parse(localStorage.getItem(UNSENT)) || [];
    } catch {
      return [];
    }
  }

  function keep(items) {
    try {
      if (items.length) localStorage.setItem(UNSENT, JSON.stringify(items));
      else localStorage.removeItem(UNSENT);
    } catch { /* not kept */ }
  }

  function session(key, value) {
    try {
      if (value === undefined) return sessionStorage.getItem(key) || "";
      sessionStorage.setItem(key, value);
    } catch { /* not kept */ }
    return "";
  }

  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing where there is no https
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // --- lines ---

  function make(tag, classes, ...inside) {
    const element = document.createElement(tag);
    if (classes) element.className = classes;
    element.append(...inside);
    return element;
  }

  function link(text, href, classes) {
    const anchor = make("a", classes, text);
    if (!/^(tel:|https:\/\/|\/chat\/(file|media)\/)/.test(href)) return anchor;
    anchor.href = href;
    if (href.startsWith("https")) Object.assign(anchor, { target: "_blank", rel: "noopener noreferrer" });
    return anchor;
  }

  function line(mine, parts, stamp, at, extra) {
    const time = make("time", "", at);
    time.dateTime = stamp;
    const words = make("div", "words", ...parts.map(([text, href]) => (href ? link(text, href) : text)));
    const bubble = make("div", "bubble", make("b", "sr", `${mine ? "Вие" : page.name}: `), words, ...extra, make("small", "", time));
    return make("div", `line ${mine ? "mine" : "ours"}`, bubble);
  }

  function attached([kind, href, label]) {
    if (kind === "gone") return make("span", "file", label);
    if (kind === "document") return Object.assign(link(`📄 ${label}`, href, "file"), { download: "" });
    if (kind === "voice") {
      const sound = Object.assign(make("audio", "voice"), { controls: true, preload: "none", src: href });
      sound.setAttribute("aria-label", label);
      return sound;
    }
    const anchor = Object.assign(link("", href, "photo"), { target: "_blank", rel: "noopener" });
    anchor.append(patient(Object.assign(make("img"), { alt: label, src: href, decoding: "async" })));
    return anchor;
  }

  // A picture may still be on its way to the service: it is asked for a few times more.
  function patient(image) {
    const first = image.src;
    let tries = 0;
    const again = () => {
      tries += 1;
      if (tries < 5) setTimeout(() => { image.src = `${first}?${tries}`; }, tries * 2000);
    };
    image.addEventListener("error", again);
    image.addEventListener("load", () => { if (burst) toEnd(); });
    if (image.complete && !image.naturalWidth) again();
    return image;
  }

  function dayOf(element) {
    const at = new Date(find("time", element).dateTime);
    return at.toLocaleDateString("de", { day: "2-digit", month: "2-digit", year: "numeric", timeZone: page.zone }); // 24.11.2026
  }

  function show(element) {
    const today = dayOf(element);
    if (today !== day) log.append(make("p", "day", today));
    day = today;
    log.append(element);
    if (dots) log.append(dots);
    toEnd();
  }

  function toEnd() {
    scroller.scrollTop = scroller.scrollHeight; // in a reversed column the end is the greatest value, and also 0
    window.scrollTo(0, document.body.scrollHeight);
    const above = burst && burst.previousElementSibling;
    const first = above && above.matches(".day") ? above : burst;
    if (first && first.getBoundingClientRect().top < scroller.getBoundingClientRect().top) {
      first.scrollIntoView({ block: "start" }); // a long message is read from its beginning
    }
    point();
  }

  // --- the way to buttons that are below what is seen ---

  function newest() {
    return Array.from(log.querySelectorAll("form.answers")).pop();
  }

  function point() {
    const form = newest();
    const edge = Math.min(scroller.getBoundingClientRect().bottom, innerHeight); // of low screens the page itself scrolls
    down.hidden = !form || find(".row", form).getBoundingClientRect().bottom <= edge + 1;
  }

  down.addEventListener("click", () => {
    const form = newest();
    form.scrollIntoView({ block: form.offsetHeight < scroller.clientHeight ? "end" : "start" });
    find("button", form).focus({ preventScroll: true }); // the way is gone once it was gone
  });
  for (const [target, event] of [[scroller, "scroll"], [window, "scroll"], [window, "resize"]]) {
    target.addEventListener(event, point, { passive: true });
  }
  if (window.ResizeObserver) {
    const seen = new ResizeObserver(point);
    [log, scroller].forEach((element) => seen.observe(element));
  }

  function mark(item, classes, tick, spoken) {
    const bubble = find(`[data-client="${item.id}"]`, log);
    if (!bubble) return;
    bubble.classList.toggle("waiting", classes === "waiting");
    const old = find(".tick", bubble);
    const now = make("span", "tick", tick, make("span", "sr", ` ${spoken}`));
    if (old) old.replaceWith(now);
    else find("small", bubble).append(" ", now);
  }

  function showOwn(item) {
    const now = new Date(Date.now() + Number(page.shift || 0)); // a demonstration's clock runs ahead
    const at = now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: page.zone });
    const element = line(true, [[item.label]], now.toISOString(), at, []);
    element.dataset.client = item.id;
    show(element);
    mark(item, "waiting", "⌛ изпраща се…", "");
  }

  function typing(on) {
    if (dots) dots.remove();
    dots = on ? make("div", "typing", make("i"), make("i"), make("i")) : null;
    if (!on) return;
    const shown = dots;
    dots.setAttribute("aria-hidden", "true");
    log.append(dots);
    toEnd();
    setTimeout(() => { if (dots === shown) typing(false); }, 15000);
  }

  function note(text) {
    if (net.textContent !== text) net.textContent = text;
  }

  // --- what we are told ---

  function hidden(shown) {
    const copy = Array.from(write.querySelectorAll("[type=hidden]"), (field) => field.cloneNode());
    if (!shown) return copy;
    const field = make("input");
    Object.assign(field, { type: "hidden", name: "shown", value: shown });
    return [...copy, field];
  }

  function button(label, name, value, classes) {
    const element = make("button", classes, label);
    Object.assign(element, { name, value });
    return element;
  }

  function form(classes, rows, fields) {
    const element = make("form", classes, ...fields, ...rows.map((row) => make("div", "row", ...row)));
    Object.assign(element, { method: "post", action: "/chat/send" });
    return element;
  }

  function setMenu(rows) {
    menu.replaceChildren(
      ...hidden(),
      ...rows.map((row) => make("div", "row", ...row.map((label) => button(label, "text", label)))),
    );
    menu.hidden = !rows.length;
  }

  // A question that was put again behind a screen leaves the screen its buttons: they lead elsewhere at any time.
  function retire(but = "") {
    const held = log.contains(document.activeElement);
    log.querySelectorAll(`form.answers:not(.aside${but})`).forEach((old) => old.remove());
    if (held && !log.contains(document.activeElement)) toRest();
  }

  function toRest() {
    (desk.matches ? input : scroller).focus({ preventScroll: true });
  }

  function arrive(message) {
    if (message.id <= last) return;
    last = message.id;
    typing(false);
    if (message.clears) {
      log.replaceChildren();
      day = "";
      setMenu([]);
    }
    if (message.removes) {
      const gone = find(`[data-id="${message.removes}"], [data-root="${message.removes}"]`, log);
      if (gone) gone.remove();
      return;
    }
    const old = message.replaces && find(`[data-id="${message.replaces}"], [data-root="${message.replaces}"]`, log);
    const root = old ? old.dataset.root : message.id;
    if (old) old.remove();
    const file = message.file ? [link(`⬇ ${message.file}`, `/chat/file/${message.id}`, "file")] : [];
    const element = line(false, message.parts, message.stamp, message.at, file);
    if (message.media.length) find(".words", element).before(attached(message.media)); // the words stand under it
    Object.assign(element.dataset, { id: message.id, root });
    if (message.links.length) element.append(make("div", "links", ...message.links.map(([label, href]) => link(label, href, "answer"))));
    if (message.rows.length) {
      if (!message.unasked) retire(message.card ? "" : ", .card");
      const rows = message.rows.map((row) => row.map(([label, press]) => button(label, "press", press, "answer")));
      const classes = ["answers", message.unasked && "aside", message.card && "card"].filter(Boolean).join(" ");
      element.append(form(classes, rows, hidden(message.id)));
      Array.from(log.querySelectorAll("form.aside")).slice(0, message.unasked ? 1 - ASIDES : -ASIDES).forEach((old) => old.remove());
    }
    if (message.menu.length) setMenu(message.menu);
    if (!burst) {
      burst = element;
      setTimeout(() => { burst = null; }, 1500);
    }
    show(element);
  }

  // --- what we say ---

  document.addEventListener("click", (event) => { clicked = event.target.closest("button"); }, true);
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[action='/chat/send']")) return;
    event.preventDefault();
    const tapped = event.submitter || clicked;
    const fields = event.target.elements;
    const item = { id: newId(), code: fields.code.value };
    if (event.target === write) {
      item.text = item.label = input.value.trim();
      if (!item.text) return;
      input.value = "";
      session(DRAFT, "");
    } else {
      if (event.target.classList.contains("aside")) event.target.remove();
      item[tapped.name] = tapped.value;
      item.label = tapped.dataset.label || tapped.textContent;
      if (fields.shown) item.shown = fields.shown.value;
    }
    say(item);
  });

  input.addEventListener("input", () => session(DRAFT, input.value));

  function say(item) {
    queue.push(item);
    keep(queue);
    burst = null;
    retire();
    const start = find("form.start", log);
    if (start && (item.press === "/start" || !item.code)) start.remove();
    showOwn(item);
    if (desk.matches) input.focus({ preventScroll: true });
    else if (document.activeElement === document.body) scroller.focus({ preventScroll: true });
    pump();
  }

  async function post(item) {
    const fields = new URLSearchParams({ csrf: write.elements.csrf.value });
    for (const name of ["id", "text", "press", "shown", "code"]) if (item[name]) fields.set(name, item[name]);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 15000);
    try {
      const headers = { Accept: "application/json", "X-Chat": "1" };
      return await fetch("/chat/send", { method: "POST", body: fields, headers, signal: stop.signal });
    } finally {
      clearTimeout(timer);
    }
  }

  async function pump() {
    if (sending) return;
    sending = true;
    clearTimeout(again);
    try {
      while (queue.length && (await sendOne(queue[0])));
    } finally {
      sending = false;
    }
  }

  async function sendOne(item) {
    const before = last;
    let answer;
    try {
      answer = await post(item);
    } catch {
      return later(LOST, 0);
    }
    if (answer.ok) {
      const { text } = await answer.json().catch(() => ({}));
      const bubble = text && find(`[data-client="${item.id}"]`, log);
      if (bubble) find(".words", bubble).textContent = text; // without the numbers that were not kept
      return sent(item, before);
    }
    if (answer.status === 403) return stale(item);
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 429 || answer.status >= 500) {
      return later(`${told.error === "slow_down" ? "Малко по-бавно, моля." : "Сега не става."} Ще опитаме пак.`, Number(answer.headers.get("Retry-After")));
    }
    mark(item, "", "⚠", "не е изпратено");
    note(told.text || "Съобщението не можа да се изпрати.");
    return drop(item);
  }

  function later(text, seconds) {
    note(text);
    tries += 1;
    again = setTimeout(pump, 1000 * Math.max(seconds, Math.min(15, 2 ** (tries - 1))));
    return false;
  }

  function drop(item) {
    queue.shift();
    keep(kept().filter((other) => other.id !== item.id));
    return true;
  }

  function sent(item, before) {
    tries = 0;
    note("");
    mark(item, "", "✓", "изпратено");
    if (item.press === "/start" && item.code) {
      history.replaceState(null, "", "/");
      document.querySelectorAll("[name=code]").forEach((field) => { field.value = ""; });
    }
    drop(item);
    if (!queue.length && last === before) typing(true); // the answer may have been faster than the acknowledgement
    listen();
    setTimeout(() => { if (last === before) poll(); }, 3000); // a proxy may hold the stream back
    return true;
  }

  function stale(item) {
    if (item && item.text) session(DRAFT, item.text);
    if (Date.now() - Number(session("chat:reloaded")) > 60000) {
      session("chat:reloaded", String(Date.now()));
      location.reload();
    } else {
      note("Отворете чата отново.");
    }
    return false;
  }

  // --- the line to the service ---

  async function poll() {
    try {
      const answer = await fetch(`/chat/messages?after=${last}`, { headers: { Accept: "application/json" } });
      if (answer.status === 403) stale();
      if (!answer.ok) return;
      (await answer.json()).forEach(arrive);
      if (!queue.length) note("");
    } catch {
      note(LOST);
    }
  }

  function listen() {
    if (source || !window.EventSource) return;
    source = new EventSource(`/chat/live?after=${last}`);
    let lost = 0;
    source.onmessage = (event) => arrive(JSON.parse(event.data));
    source.onopen = () => {
      clearTimeout(lost);
      lost = 0;
      if (!queue.length) note("");
      else pump();
    };
    source.onerror = () => {
      lost = lost || setTimeout(() => note(LOST), 1500); // a stream that is simply renewed needs no words
      if (source && source.readyState === EventSource.CLOSED) {
        hangUp();
        setTimeout(() => { poll(); listen(); }, 5000);
      }
    };
    source.hangUp = () => clearTimeout(lost);
  }

  function hangUp() {
    if (!source) return;
    source.hangUp();
    source.close();
    source = null;
  }

  function wake() {
    pump();
    if (!find(".line", log)) return; // nobody is stored before the first message, so nothing can come
    poll();
    listen();
  }

  addEventListener("online", wake);
  addEventListener("offline", () => note(LOST));
  addEventListener("pagehide", hangUp);
  addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && find(".line", log)) poll(); });
  if (!window.EventSource) setInterval(() => { if (find(".line", log)) poll(); }, 4000);

  queue = queue.filter((item) => !find(`[data-client="${item.id}"]`, log));
  keep(queue);
  if (queue.length) retire();
  log.querySelectorAll(".photo img").forEach(patient);
  burst = Array.from(log.children).pop();
  toEnd();
  burst = null;
  queue.forEach(showOwn);
  if (!input.value) input.value = session(DRAFT);
  if (desk.matches && !find("form.start", log)) input.focus({ preventScroll: true });
  pump();
  if (find(".line", log)) listen();
})();
