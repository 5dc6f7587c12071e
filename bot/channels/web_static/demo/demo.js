// The demonstration's ribbon: the clock is turned without leaving the page, so that what it brings is seen arriving.
"use strict";
(() => {
  const find = (query) => document.querySelector(query);
  const page = document.body.dataset;
  const [details, now, time, people, said] = [".demo details", ".demo .now", ".demo .time", ".demo .people", ".demo [role=status]"].map(find);
  const FOLDED = "demo:folded";
  const clock = new Intl.DateTimeFormat("bg", {
    weekday: "short", day: "2-digit", month: "2-digit", hour: "numeric", minute: "2-digit", hourCycle: "h23", timeZone: page.zone,
  });

  function shown() {
    const part = Object.fromEntries(clock.formatToParts(Date.now() + Number(page.shift)).map(({ type, value }) => [type, value]));
    return `${part.weekday} ${part.day}.${part.month}, ${Number(part.hour)}:${part.minute}`;
  }

  function tick() {
    const text = shown();
    if (now.textContent !== text) now.textContent = text;
  }

  async function turn(button) {
    const body = new URLSearchParams({ csrf: time.elements.csrf.value, by: button.value });
    time.setAttribute("aria-busy", "true");
    now.classList.remove("turned");
    try {
      const answer = await fetch("/demo/clock", { method: "POST", body, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      page.shift = (await answer.json()).shift;
    } catch {
      location.reload(); // a demonstration that was started anew has made new keys
      return;
    }
    time.removeAttribute("aria-busy");
    tick();
    now.classList.add("turned");
    said.textContent = now.textContent;
  }

  async function look() {
    if (document.hidden || time.hasAttribute("aria-busy")) return;
    const answer = await fetch("/demo/clock", { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer && answer.ok) page.shift = (await answer.json()).shift;
    tick();
  }

  document.addEventListener("visibilitychange", look); // it may have been turned on another page meanwhile
  addEventListener("focus", look);
  time.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!time.hasAttribute("aria-busy")) turn(event.submitter || find(".demo .next"));
  });
  people.addEventListener("submit", () => sessionStorage.removeItem("chat:draft")); // another person's words

  tick();
  setInterval(tick, 1000);
  const me = find(".demo [aria-current]");
  people.scrollLeft = me.offsetLeft - people.offsetLeft - 12;
  details.open = !sessionStorage.getItem(FOLDED);
  details.addEventListener("toggle", () => sessionStorage.setItem(FOLDED, details.open ? "" : "1"));
})();
