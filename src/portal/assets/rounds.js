// A new round: as days are chosen, the server counts them, and a notice that nobody changed follows them. Without this script a button does the same.
(() => {
  'use strict';
  const form = document.querySelector('form[data-plan]');
  if (!form) return;
  form.classList.add('scripted');
  const field = (name) => form.elements.namedItem(name);
  const period = form.querySelector('[data-period]');
  const short = form.querySelector('[data-short]');
  const [title, notice, generated] = ['notice_title', 'notice', 'generated'].map(field);
  let [lastTitle, lastNotice] = [title.value, notice.value];
  // Changed already in an earlier turn: the words are the person's own.
  let isOwn = false;
  let turn = 0;

  const count = async () => {
    const mine = ++turn;
    const query = new URLSearchParams();
    for (const name of ['version', 'opens_on', 'closes_on', 'late_through', 'shorter_reason']) query.set(name, field(name).value);
    let plan;
    try {
      const answer = await fetch(`${form.dataset.plan}?${query}`, { headers: { accept: 'application/json' } });
      if (!answer.ok) throw new Error(String(answer.status));
      plan = await answer.json();
    } catch {
      if (mine === turn) period.textContent = '期限没有计算成功，请检查网络后再试；也可以直接发布，由系统核对。';
      return;
    }
    if (mine !== turn) return;
    period.textContent = plan.problem || plan.period;
    period.parentElement.classList.toggle('wait', Boolean(plan.problem || plan.is_short));
    short.hidden = !plan.is_short;
    if (plan.problem) return;
    isOwn = isOwn || title.value !== lastTitle || notice.value !== lastNotice;
    if (isOwn) return;
    [title.value, notice.value, generated.value] = [plan.title, plan.notice, plan.generated];
    [lastTitle, lastNotice] = [title.value, notice.value];
  };

  isOwn = form.dataset.own === 'true';
  for (const name of ['version', 'opens_on', 'closes_on', 'late_through', 'shorter_reason']) field(name).addEventListener('change', count);
})();
