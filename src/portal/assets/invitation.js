// The code of an invitation stands behind the "#" of its link: it is put into the field and taken out of the address.
(() => {
  "use strict";
  const field = document.querySelector("[data-invitation] [name=code]");
  const code = decodeURIComponent(location.hash.slice(1));
  if (!field || !code) return;
  field.value = code;
  history.replaceState(null, "", location.pathname);
})();
