// Correcting a text without leaving the place: links and forms of the lines are fetched and the page put in the place of itself, and keys move
// between the lines. Without this script every link and form works as a page of its own.
(() => {
  "use strict";
  const desk = () => document.getElementById("desk");
  if (!desk()) return;

  let busy = false;
  const rows = () => [...desk().querySelectorAll(".row")];
  const current = () => document.activeElement?.closest?.(".row");
  const handle = (row) => row?.querySelector("[data-first], a.change");

  function focus(row) {
    if (!row) return;
    handle(row)?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  // Takes the answer of the server as the page now; the place on the screen stays.
  async function put(response, hash) {
    const answer = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = answer.getElementById("desk");
    if (!fresh || response.status >= 500) { location.assign(response.url); return; }
    desk().replaceWith(document.importNode(fresh, true));
    const url = new URL(response.url);
    // The address of an answer comes without its fragment; after a correction it names the line.
    const at = url.searchParams.get("at");
    const place = at ? `#l${at}` : hash;
    if (response.ok) history.replaceState(null, "", url.pathname + place);
    // Put in after the region stands, so that it is read out.
    const said = desk().querySelector("[role=status]");
    if (said) { const words = said.textContent; said.textContent = ""; setTimeout(() => { said.textContent = words; }, 50); }
    const row = place ? document.getElementById(place.slice(1)) : null;
    const first = desk().querySelector(".editing [data-first]");
    if (first) { first.focus(); first.setSelectionRange(first.value.length, first.value.length); first.closest(".row").scrollIntoView({ block: "nearest" }); }
    else if (row) focus(row);
    else focus(rows()[0]);
  }

  async function go(url, options, hash) {
    if (busy) return;
    busy = true;
    desk().setAttribute("aria-busy", "true");
    try { await put(await fetch(url, { credentials: "same-origin", ...options }), hash); }
    catch { location.assign(url); }
    finally { busy = false; desk().removeAttribute("aria-busy"); }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#desk a[data-open], #desk a[data-cancel]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      go(link.href, {}, new URL(link.href).hash);
      return;
    }
    const next = event.target.closest?.("#desk a[data-next-doubt]");
    if (next) { event.preventDefault(); nextDoubt(); return; }
    // A line is opened by a double click on its words.
    if (event.detail === 2) event.target.closest?.("#desk .row .words")?.parentElement.querySelector("a.change")?.click();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!desk().contains(form) || form.method !== "post") return;
    event.preventDefault();
    // A button named "action" hides form.action, so the attribute is read.
    const body = new URLSearchParams(new FormData(form, event.submitter ?? undefined));
    const line = body.get("line");
    go(form.getAttribute("action"), { method: "POST", body }, line && line !== "0" ? `#l${line}` : "");
  });

  function nextDoubt() {
    const all = rows();
    const from = all.indexOf(current());
    const next = all.find((row, i) => i > from && row.classList.contains("has-doubt")) ?? all.find((row) => row.classList.contains("has-doubt"));
    focus(next);
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("textarea, input, select");
    const editing = event.target.closest?.(".editing");
    if (editing && event.key === "Escape") { event.preventDefault(); editing.querySelector("[data-cancel]")?.click(); return; }
    if (editing && event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); editing.querySelector("button.strong")?.click(); return; }
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = rows();
    const at = all.indexOf(current());
    if (event.key === "ArrowDown" && at >= 0) { event.preventDefault(); focus(all[Math.min(at + 1, all.length - 1)]); }
    else if (event.key === "ArrowUp" && at >= 0) { event.preventDefault(); focus(all[Math.max(at - 1, 0)]); }
    else if (event.key === "n" || event.key === "N") nextDoubt();
    else if (event.key === "u" || event.key === "U") desk().querySelector("[data-undo]")?.click();
  });
})();
