// Small conveniences on top of pages that work without any script: completion, keys, copying, the contents that follow the reader,
// and progress that refreshes itself. Nothing here inserts markup from the server as HTML except whole pages of our own origin.
(() => {
  'use strict';

  const live = document.createElement('div');
  live.className = 'toast';
  live.setAttribute('role', 'status');
  live.hidden = true;
  let hide;
  const say = (text) => {
    if (!live.isConnected) document.body.append(live);
    live.hidden = false;
    live.textContent = text;
    clearTimeout(hide);
    hide = setTimeout(() => { live.hidden = true; }, 2500);
  };

  // What cannot be taken back is asked about first.
  document.addEventListener('submit', (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // "/" goes to the search box, unless something is being typed.
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = document.activeElement;
    if (at && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName))) return;
    const box = document.querySelector('input[type=search]');
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });

  // Completion: a combobox with a list box, arrows to move, Enter to go, Escape to close.
  document.querySelectorAll('input[data-suggest]').forEach((input, place) => {
    const list = document.createElement('ul');
    list.className = 'list';
    list.id = `suggestions-${place}`;
    list.setAttribute('role', 'listbox');
    list.setAttribute('aria-label', input.dataset.suggestLabel);
    list.hidden = true;
    input.parentElement.append(list);
    for (const [name, value] of [['role', 'combobox'], ['aria-autocomplete', 'list'], ['aria-expanded', 'false'], ['aria-controls', list.id]]) input.setAttribute(name, value);
    let asked = '';
    let timer;
    let pending;
    let chosen = -1;
    const close = () => {
      list.hidden = true;
      chosen = -1;
      input.setAttribute('aria-expanded', 'false');
      input.removeAttribute('aria-activedescendant');
    };
    const choose = (index) => {
      const options = [...list.children];
      if (!options.length) return;
      chosen = (index + options.length) % options.length;
      options.forEach((option, i) => option.setAttribute('aria-selected', String(i === chosen)));
      input.setAttribute('aria-activedescendant', options[chosen].id);
      options[chosen].scrollIntoView({ block: 'nearest' });
    };
    const take = (option) => {
      input.value = option.dataset.text;
      close();
      input.form.requestSubmit();
    };
    const show = (suggestions) => {
      list.replaceChildren(...suggestions.map((suggestion, i) => {
        const option = document.createElement('li');
        option.id = `${list.id}-${i}`;
        option.setAttribute('role', 'option');
        option.setAttribute('aria-selected', 'false');
        option.dataset.text = suggestion.completion;
        option.textContent = suggestion.display;
        // mousedown, not click: the box must not lose the focus first.
        option.addEventListener('mousedown', (event) => { event.preventDefault(); take(option); });
        return option;
      }));
      chosen = -1;
      list.hidden = !suggestions.length;
      input.setAttribute('aria-expanded', String(!list.hidden));
    };
    const ask = async () => {
      const text = input.value.trim();
      if (text === asked) return;
      asked = text;
      if (pending) pending.abort();
      if (!text) { show([]); return; }
      pending = new AbortController();
      try {
        const answer = await fetch(`${input.dataset.suggest}?q=${encodeURIComponent(text)}`, { signal: pending.signal });
        if (!answer.ok) { show([]); return; }
        const body = await answer.json();
        if (input.value.trim() !== text || document.activeElement !== input) return;
        show(body.filter((s) => s.display && s.completion).slice(0, 8));
      } catch (failure) {
        // Completion is a convenience; the form itself still works.
        if (failure.name !== 'AbortError') show([]);
      }
    };
    input.addEventListener('input', (event) => {
      if (event.isComposing) return;
      clearTimeout(timer);
      timer = setTimeout(ask, 120);
    });
    input.addEventListener('compositionend', () => { clearTimeout(timer); timer = setTimeout(ask, 60); });
    input.addEventListener('keydown', (event) => {
      if (event.isComposing || list.hidden) return;
      if (event.key === 'ArrowDown') { event.preventDefault(); choose(chosen + 1); }
      else if (event.key === 'ArrowUp') { event.preventDefault(); choose(chosen < 0 ? list.children.length - 1 : chosen - 1); }
      else if (event.key === 'Enter' && chosen >= 0) { event.preventDefault(); take(list.children[chosen]); }
      else if (event.key === 'Escape') { event.preventDefault(); close(); }
    });
    input.addEventListener('blur', () => { asked = ''; close(); });
  });

  // Copy buttons are hidden until a script can serve them.
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) { await navigator.clipboard.writeText(text); return; }
    const area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('readonly', '');
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    if (!done) throw new Error('copy refused');
  };
  document.querySelectorAll('button[data-copy], button[data-copy-link], button[data-copy-text]').forEach((button) => { button.hidden = false; });
  document.querySelectorAll('button[data-print]').forEach((button) => { button.hidden = false; button.addEventListener('click', () => window.print()); });
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('button[data-copy], button[data-copy-link], button[data-copy-text]');
    if (!button) return;
    const passage = () => [...button.closest('.article, .answer').querySelectorAll('p:not(.path, .status)')].map((p) => p.textContent.trim()).join('\n');
    const text = button.dataset.copyText ? `${button.dataset.copyText}\n${passage()}` : button.dataset.copyLink ? new URL(button.dataset.copyLink, location.href).href : button.dataset.copy;
    try {
      await copy(text);
      say(button.dataset.done);
    } catch {
      window.prompt(button.textContent.trim(), text);
    }
  });

  // An article that is touched shows its tools; selecting text does not count.
  document.addEventListener('click', (event) => {
    const article = event.target.closest('.law .article');
    if (!article || event.target.closest('a, button, summary') || String(getSelection())) return;
    article.classList.toggle('chosen');
  });

  // The contents show where the reader is.
  const toc = document.querySelector('.toc');
  if (toc && 'IntersectionObserver' in window) {
    const entries = new Map();
    toc.querySelectorAll('a[href^="#"]').forEach((link) => {
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (target) entries.set(target, link);
    });
    // Scrolls the column of the contents, never the page.
    const side = toc.closest('.side');
    const reveal = (link) => {
      if (side.scrollHeight <= side.clientHeight) return;
      const [box, row] = [side.getBoundingClientRect(), link.getBoundingClientRect()];
      if (row.top < box.top || row.bottom > box.bottom) side.scrollTop += row.top - box.top - box.height / 3;
    };
    let current;
    const watcher = new IntersectionObserver((seen) => {
      for (const entry of seen) {
        if (!entry.isIntersecting) continue;
        if (current) current.removeAttribute('aria-current');
        current = entries.get(entry.target);
        current.setAttribute('aria-current', 'location');
        reveal(current);
      }
    }, { rootMargin: '0px 0px -70% 0px' });
    entries.forEach((_, target) => watcher.observe(target));
    toc.addEventListener('click', (event) => {
      const fold = event.target.closest('a') && toc.closest('details');
      if (fold && !window.matchMedia('(min-width: 64rem)').matches) fold.open = false;
    });
  }

  // A running job: fetch the same page again and put its new state in place of the old one.
  const poll = async () => {
    const job = document.querySelector('[data-poll]');
    if (!job) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const fresh = page.getElementById(job.id);
        if (fresh) job.replaceWith(fresh);
      }
    } catch {
      // The next round tries again.
    }
    setTimeout(poll, 1500);
  };
  if (document.querySelector('[data-poll]')) setTimeout(poll, 1500);
})();
