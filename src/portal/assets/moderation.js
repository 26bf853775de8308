// Keys of the moderation queue. They act only while the focus is on the page's own opinions, so that they disturb nobody who types or uses other tools.
(() => {
  'use strict';
  const room = document.querySelector('.moderation');
  const items = room ? [...room.querySelectorAll('.item')] : [];
  if (!room || !window.matchMedia('(hover: hover)').matches) return;
  room.classList.add('has-keys');
  const undo = room.querySelector('.done button[data-key="u"]');
  const first = items[0];
  if (undo) undo.focus();
  else if (first && first.tabIndex === 0) first.focus({ preventScroll: true });

  room.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.target.closest('input, textarea, select')) return;
    const key = event.key.toLowerCase();
    if (key === 'u' && undo) { event.preventDefault(); undo.click(); return; }
    const item = event.target.closest('.item');
    const at = item ? items.indexOf(item) : -1;
    if (key === 'j' || key === 'k') {
      const next = items[key === 'j' ? at + 1 : at - 1];
      if (next) { event.preventDefault(); next.focus(); }
      return;
    }
    if (!item) return;
    if (key === 's') {
      const button = item.querySelector('button[data-key="s"]');
      if (button) { event.preventDefault(); button.click(); }
    } else if (key === 'h') {
      const panel = item.querySelector('details.hide');
      if (!panel) return;
      event.preventDefault();
      // With a reason that fits, one key is enough: the way back is one key too. Without one the reasons open.
      if (panel.hasAttribute('data-suggested')) { panel.open = true; panel.querySelector('form').requestSubmit(); return; }
      panel.open = true;
      panel.querySelector('input[name="category"]').focus();
    }
  });
})();
