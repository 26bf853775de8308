// Keys for those who answer opinions all day. Everything they do can be done by mouse and without script as well.
(() => {
  'use strict';
  const units = [...document.querySelectorAll('.unit')];
  const typing = () => /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName || '') && document.activeElement.type !== 'radio';
  const present = () => document.activeElement?.closest('.unit') || document.querySelector('.unit:target');
  const go = (step) => {
    const at = units.indexOf(present());
    const next = units[at < 0 ? 0 : Math.min(Math.max(at + step, 0), units.length - 1)];
    if (next) { next.focus(); next.scrollIntoView({ block: 'start' }); }
  };
  const reach = (selector, box) => {
    const field = (present() || units[0])?.querySelector(selector);
    if (!field) return false;
    const details = field.closest('details');
    if (details) details.open = true;
    if (box) { field.checked = true; field.dispatchEvent(new Event('change', { bubbles: true })); }
    field.focus();
    return true;
  };
  document.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') {
      const form = document.activeElement?.form;
      const button = form?.querySelector('button[type=submit]');
      if (button && form.closest('.unit')) { event.preventDefault(); form.requestSubmit(button); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && typing()) { const unit = present(); document.activeElement.blur(); unit?.focus(); return; }
    if (typing() || !document.querySelector('[data-desk]')) return;
    let done = true;
    if (event.key === 'j') go(1);
    else if (event.key === 'k') go(-1);
    else if (/^[1-5]$/.test(event.key)) done = reach(`.kinds .choice:nth-of-type(${event.key}) input`, true);
    else if (event.key === 'e') done = reach('textarea[name=reason]');
    else if (event.key === 'n') done = reach('.note-input');
    else if (event.key === '?') { const keys = document.getElementById('keys'); if (keys) { keys.open = true; keys.scrollIntoView({ block: 'nearest' }); } }
    else if (event.key === '[' || event.key === ']') { const link = document.querySelector(`[data-key="${event.key}"]`); if (link) link.click(); }
    else done = false;
    if (done) event.preventDefault();
  });
  // A kept reason is put into the field, where it can still be changed.
  document.querySelectorAll('select[data-fills]').forEach((select) => {
    select.addEventListener('change', () => {
      const field = document.getElementById(select.dataset.fills);
      const words = select.selectedOptions[0];
      if (field && words?.value) field.value = words.textContent;
    });
  });
})();
