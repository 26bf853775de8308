// Conveniences of speaking: words selected in an article are quoted, what is typed stays on the device until it is sent. Everything works without this file.
(() => {
  'use strict';

  // What is kept under a name of ours; a device that keeps nothing is no failure.
  const store = {
    get: (name) => { try { return JSON.parse(localStorage.getItem(name)); } catch { return null; } },
    put: (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* full, or not allowed */ } },
    drop: (name) => { try { localStorage.removeItem(name); } catch { /* not allowed */ } },
  };
  const named = (key) => `zhitong-opinion:${key}`;

  // Posted: the device forgets it.
  document.querySelectorAll('[data-posted]').forEach((page) => store.drop(named(page.dataset.posted)));

  // The words selected inside one element; null when none are.
  const selected = (box) => {
    const selection = getSelection();
    if (!selection || selection.isCollapsed || !selection.rangeCount) return null;
    const range = selection.getRangeAt(0);
    if (!box.contains(range.commonAncestorContainer)) return null;
    const text = String(selection).trim();
    return text ? text : null;
  };

  const form = document.querySelector('form[data-opinion]');
  if (form) {
    const source = document.querySelector('[data-source]');
    const quote = form.elements.quote_text;
    if (source && quote) {
      source.querySelector('[data-select-hint]').hidden = false;
      let last = '';
      document.addEventListener('selectionchange', () => {
        const words = selected(source);
        if (!words) return;
        const label = source.querySelector('.label').textContent.trim();
        const clean = words.startsWith(label) ? words.slice(label.length).trim() : words;
        // What somebody typed themselves is theirs.
        if (!clean || (quote.value && quote.value !== last)) return;
        quote.value = last = clean;
        form.elements.quote_start.value = '';
        quote.closest('details').open = true;
      });
    }

    // Another part begins with its own words, as long as nobody has changed them.
    const place = form.elements.address;
    const proposed = form.elements.proposed_text;
    const original = form.elements.proposed_original;
    if (place && proposed && original) {
      const flat = (text) => text.replace(/\s+/g, '');
      place.addEventListener('change', () => {
        if (flat(proposed.value) !== flat(original.value)) return;
        proposed.value = original.value = place.selectedOptions[0].dataset.text || '';
      });
    }

    const key = form.dataset.opinion;
    const fields = ['address', 'stance', 'body', 'reason', 'quote_text', 'proposed_text', 'is_public'];
    const wasTyped = () => ['body', 'reason', 'quote_text'].some((name) => form.elements[name] && form.elements[name].value.trim())
      || (proposed && proposed.value !== original.value);
    if (key) {
      const note = form.querySelector('[data-restored]');
      const kept = store.get(named(key));
      // What the server gives back after a failure is newer than what the device kept.
      if (kept && !wasTyped()) {
        for (const name of fields) {
          const field = form.elements[name];
          if (!field || typeof kept[name] !== 'string') continue;
          if (name === 'proposed_text' && !kept[name]) continue;
          field.value = kept[name];
        }
        form.querySelectorAll('details.more').forEach((fold) => {
          const text = fold.querySelector('textarea');
          if (text && text.value && !(text === proposed && text.value === original.value)) fold.open = true;
        });
        note.hidden = !wasTyped();
      }
      let timer;
      const keep = () => {
        if (!wasTyped()) { store.drop(named(key)); return; }
        const values = {};
        for (const name of fields) if (form.elements[name]) values[name] = form.elements[name].value;
        if (proposed && proposed.value === original.value) values.proposed_text = '';
        store.put(named(key), values);
      };
      form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(keep, 400); });
      form.querySelector('[data-discard]').addEventListener('click', () => {
        store.drop(named(key));
        for (const name of ['body', 'reason', 'quote_text']) if (form.elements[name]) form.elements[name].value = '';
        if (proposed) proposed.value = original.value;
        note.hidden = true;
        form.elements.body.focus();
      });
    }

    // The focus goes to the first thing that is wrong.
    const wrong = form.querySelector('[aria-invalid=true]');
    if (wrong) {
      const fold = wrong.closest('details');
      if (fold) fold.open = true;
      wrong.focus();
    }
  }

  // On the page of a draft, words selected in an article go along to the form.
  const links = document.querySelectorAll('.law .article .speak');
  if (links.length) {
    let marked;
    // Pressing the link must not let go of the selection before it is followed.
    links.forEach((link) => link.addEventListener('mousedown', (event) => { if (link === marked) event.preventDefault(); }));
    document.addEventListener('selectionchange', () => {
      if (marked) { marked.href = marked.dataset.plain; marked.firstChild.nodeValue = marked.dataset.words; marked = undefined; }
      const selection = getSelection();
      const at = selection && selection.rangeCount && selection.getRangeAt(0).commonAncestorContainer;
      const article = at && (at.nodeType === 1 ? at : at.parentElement).closest('.article');
      const words = article && selected(article);
      const link = article && article.querySelector('.speak');
      if (!words || !link || words.length > 500) return;
      link.dataset.plain = link.dataset.plain || link.href;
      link.dataset.words = link.dataset.words || link.firstChild.nodeValue;
      const label = article.querySelector('.label').textContent.trim();
      const url = new URL(link.dataset.plain);
      url.searchParams.set('quote', words.startsWith(label) ? words.slice(label.length).trim() : words);
      link.href = url.href;
      link.firstChild.nodeValue = '对选中的文字提意见';
      marked = link;
    });
  }
})();
