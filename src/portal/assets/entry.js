// Entering on behalf: what is typed is kept on this device first and sent from there, so that a broken line loses nothing. Everything works without this file.
(() => {
  'use strict';
  // While the task takes no opinions there is no form; what waits is shown all the same.
  const form = document.querySelector('form[data-entry-form]');
  // Where an entry is changed there is another form, which sends itself.
  const anyForm = document.querySelector('.entering form.form');
  anyForm?.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.isComposing || event.repeat) return;
    event.preventDefault();
    anyForm.requestSubmit();
  });

  const box = document.querySelector('[data-queue]');
  if (!box || !window.indexedDB || !window.fetch || !window.FormData) return;

  const SHELF = 'entries';
  const owner = box.dataset.entry;
  // Under which key the words lie that stand in the form and were not entered yet.
  const DRAFT = `draft:${owner}`;
  const state = box.querySelector('[data-queue-state]');
  const list = box.querySelector('[data-queue-list]');
  // What the next entry has in common with the last.
  const COMMON = ['activity_id', 'station_id', 'method', 'collected_on', 'collector', 'place', 'stance', 'consent'];
  // What of an entry is typed.
  const TYPED = ['citation', 'body', 'proposed_text', 'reason', 'author_kind', 'person', 'contact'];
  const RETRY_MS = 5000;
  const KEEP_MS = 400;
  let sending = false;
  let sent = 0;
  let notice = form ? '' : '任务现在不接收意见；司法局退回补正后，打开本页会自动发送。';
  // Key of the stored entry whose words are in the form. It stays in the store until the form has put another in its place.
  let taken = null;
  // The photograph of that entry.
  let carried = null;
  let timer;

  const open = () => new Promise((resolve, reject) => {
    const request = indexedDB.open('zhitong-entries', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(SHELF, { keyPath: 'key' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const act = async (mode, work) => {
    const database = await open();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(SHELF, mode);
        const request = work(transaction.objectStore(SHELF));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      });
    } finally { database.close(); }
  };
  const put = (entry, ...gone) => act('readwrite', (shelf) => { gone.forEach((key) => shelf.delete(key)); return shelf.put(entry); });
  const find = (key) => act('readonly', (shelf) => shelf.get(key));
  const drop = (key) => act('readwrite', (shelf) => shelf.delete(key));
  const held = async () => (await act('readonly', (shelf) => shelf.getAll())).filter((entry) => entry.owner === owner).sort((a, b) => a.at - b.at);
  const waiting = async () => (await held()).filter((entry) => !entry.isInForm);

  const newKey = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  };

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  const show = async () => {
    const entries = await waiting();
    const done = sent ? `，本次已发送 ${sent} 条` : '';
    state.textContent = `待发送 ${entries.length} 条${done}${entries.length && notice ? `。${notice}` : ''}`;
    box.hidden = !entries.length && !sent;
    box.querySelector('[data-queue-send]').hidden = !entries.length || !form;
    list.replaceChildren(...entries.map((entry) => {
      const item = document.createElement('li');
      const words = entry.fields.body || '';
      item.append(make('span', words.length > 40 ? `${words.slice(0, 40)}…` : words));
      const acts = make('span', '', 'acts');
      if (form) {
        const edit = make('button', '取回修改');
        edit.type = 'button';
        edit.addEventListener('click', () => takeBack(entry));
        acts.append(edit);
      }
      const remove = make('button', '删除', 'danger');
      remove.type = 'button';
      remove.addEventListener('click', async () => {
        if (!window.confirm('这条意见还没有发送，删除后无法找回。确定删除吗？')) return;
        await drop(entry.key);
        await show();
      });
      acts.append(remove);
      item.append(acts);
      if (entry.problem) item.append(make('p', entry.problem, 'wrong'));
      return item;
    }));
  };

  const isTyped = () => TYPED.some((name) => form.elements[name].value.trim());

  const values = () => {
    const fields = {};
    for (const [name, value] of new FormData(form)) {
      if (typeof value === 'string' && name !== 'csrf' && name !== 'key') fields[name] = value;
    }
    return fields;
  };

  const fill = (fields) => {
    for (const [name, value] of Object.entries(fields)) {
      const element = form.elements[name];
      if (!element || element.type === 'file') continue;
      element.value = value;
      // What is no longer offered.
      if (element.tagName === 'SELECT' && element.selectedIndex < 0) element.selectedIndex = 0;
    }
  };

  // The words in the form outlive the page.
  const keep = () => {
    const fields = values();
    // Who said it is not left lying on a device.
    if (!taken) { delete fields.person; delete fields.contact; }
    return taken || isTyped() ? put({ key: DRAFT, owner: DRAFT, fields, formKey: form.elements.key.value, taken }) : drop(DRAFT);
  };

  const note = form && form.querySelector('[data-entry-restored]');
  const tell = (words, label) => {
    note.querySelector('span').textContent = words;
    note.querySelector('button').textContent = label;
    note.hidden = false;
  };
  const tellTaken = () => tell('这是取回修改的意见，重新录入以前，原来的一条仍保留在这台设备上。', '放回待发送');

  const hold = (entry) => {
    taken = entry.key;
    carried = entry.file ? { file: entry.file, name: entry.fileName } : null;
    form.querySelectorAll('[role=alert]').forEach((alert) => alert.remove());
    if (!entry.problem) return;
    const alert = make('p', entry.problem, 'note stop');
    alert.setAttribute('role', 'alert');
    form.prepend(alert);
  };

  const release = async (key) => {
    const entry = await find(key);
    if (entry) await put({ ...entry, isInForm: false });
  };

  // An entry that waits comes back into the form; its key stays, so that one that did arrive is not counted twice.
  const takeBack = async (entry) => {
    if (isTyped() && !window.confirm('表单里正在填写的内容会被替换，要继续吗？')) return;
    clearTimeout(timer);
    const before = taken;
    fill(entry.fields);
    form.elements.key.value = entry.isKeyUsed ? newKey() : entry.key;
    hold(entry);
    form.elements.body.focus();
    if (before && before !== entry.key) await release(before);
    await put({ ...entry, isInForm: true });
    await keep();
    tellTaken();
    await show();
  };

  // What stood in the form when the page was left comes back. An entry of which the form knows nothing goes back to the others.
  const restore = async () => {
    const draft = form && !isTyped() ? await find(DRAFT) : null;
    for (const entry of await held()) {
      if (!entry.isInForm) continue;
      if (draft && draft.taken === entry.key) hold(entry);
      else await put({ ...entry, isInForm: false });
    }
    if (!draft) return;
    fill(draft.fields);
    form.elements.key.value = draft.formKey || newKey();
    if (taken) tellTaken();
    else tell('上次没有录完的内容还在；提出人、联系方式和照片需要重新填写。', '清空');
  };

  const send = async (entry) => {
    const data = new FormData();
    data.append('csrf', form.elements.csrf.value);
    for (const [name, value] of Object.entries(entry.fields)) data.append(name, value);
    data.append('key', entry.key);
    if (entry.file) data.append('scan', entry.file, entry.fileName);
    const response = await fetch(form.action, { method: 'POST', body: data, headers: { Accept: 'application/json' }, credentials: 'same-origin', redirect: 'manual' });
    if (response.ok) { await drop(entry.key); sent += 1; return true; }
    // Led to the login, or the server is not well: the entry waits.
    if (response.type === 'opaqueredirect' || response.status === 401) throw new Error('登录已过期，请在另一个页面重新登录，再回到这里刷新。');
    if (response.status === 403) throw new Error('页面已过期，请刷新页面；存下的意见不会丢失。');
    if (response.status >= 500 || response.status === 429) throw new Error('服务器暂时没有接收，稍后自动再发。');
    const answer = await response.json().catch(() => ({}));
    entry.isKeyUsed = answer.code === 'idempotency-key-reused';
    // The task may take opinions again later: nothing of the entry has to be mended for that.
    if (answer.code === 'conflict' || answer.code === 'consultation-not-open') throw new Error(`${answer.detail}存下的意见不会丢失。`);
    entry.problem = answer.detail || '这条意见没有被接收，请取回修改。';
    await put({ ...entry, isInForm: entry.key === taken });
    return false;
  };

  // The list below the form, with what was sent.
  const renew = async () => {
    const answer = await fetch(form.action, { headers: { Accept: 'text/html' }, credentials: 'same-origin', redirect: 'error' });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const [list, fresh] = [document.querySelector('[data-entries]'), page.querySelector('[data-entries]')];
    if (list && fresh && !list.contains(document.activeElement)) list.replaceWith(fresh);
  };

  const flush = async () => {
    if (sending || !form) return;
    sending = true;
    notice = '';
    const before = sent;
    try {
      for (const { key } of await waiting()) {
        // It may have been taken back, corrected or sent since.
        const entry = await find(key);
        if (entry && !entry.isInForm && !entry.problem && key !== taken) await send(entry);
      }
    } catch (error) {
      // A line that broke is a TypeError; the next try comes by itself.
      notice = error instanceof TypeError ? '没有网络，恢复连接后自动发送。' : error.message;
    } finally {
      sending = false;
      await show().catch(() => {});
      // Without it the list is older than the queue says; the next entry tries again.
      if (sent > before) await renew().catch(() => {});
    }
  };

  const clear = () => {
    for (const element of form.elements) {
      if (!element.name || element.name === 'csrf' || COMMON.includes(element.name)) continue;
      if (element.tagName === 'SELECT') element.selectedIndex = 0;
      else if (element.type !== 'submit') element.value = '';
    }
    form.elements.key.value = newKey();
    form.querySelectorAll('[role=alert]').forEach((alert) => alert.remove());
    note.hidden = true;
    taken = carried = null;
  };

  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(timer);
    const chosen = form.elements.scan && form.elements.scan.files[0];
    const scan = chosen ? { file: chosen, name: chosen.name } : carried;
    const entry = { key: form.elements.key.value || newKey(), owner, at: Date.now(), fields: values(), file: scan ? scan.file : null, fileName: scan ? scan.name : '' };
    const gone = taken && taken !== entry.key ? [DRAFT, taken] : [DRAFT];
    put(entry, ...gone).then(() => {
      clear();
      // The next opinion may be about another article, which is chosen first.
      form.elements.address.focus();
      return show();
    }, () => {
      // A device that keeps nothing sends the form as it always was.
      form.submit();
    }).then(flush);
  });

  form?.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => keep().catch(() => {}), KEEP_MS);
  });

  note?.querySelector('button').addEventListener('click', async () => {
    clearTimeout(timer);
    const before = taken;
    clear();
    form.elements.address.focus();
    await drop(DRAFT);
    if (before) await release(before);
    await show();
    await flush();
  });

  if (form) {
    document.querySelector('[data-entry-note]').hidden = false;
    (form.querySelector('[aria-invalid=true]') || form.elements.address).focus();
  }
  box.querySelector('[data-queue-send]').addEventListener('click', flush);
  addEventListener('online', flush);
  setInterval(() => { waiting().then((entries) => { if (entries.some((entry) => !entry.problem)) return flush(); }).catch(() => {}); }, RETRY_MS);
  restore().catch(() => {}).then(show).then(flush).catch(() => {});
})();
