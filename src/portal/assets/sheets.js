// The button that opens the browser's own print dialogue; without scripts the browser's menu does.
"use strict";
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
