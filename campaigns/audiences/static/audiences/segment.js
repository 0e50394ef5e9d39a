// Counts whom a rule picks while it is written. Without JavaScript the form works the same; the count is in the list.
(() => {
  const box = document.querySelector('[data-rule-preview]');
  const rule = document.querySelector('textarea[name="rule"]');
  if (!box || !rule) return;
  const text = box.querySelector('[data-rule-text]');
  const people = box.querySelector('[data-rule-people]');
  const csrf = document.querySelector('input[name="csrfmiddlewaretoken"]').value;
  let timer = 0;
  let asked = 0;

  function show(answer) {
    box.dataset.state = answer.error ? 'error' : '';
    text.textContent = answer.error || answer.text;
    people.replaceChildren(
      ...(answer.people || []).map((person) => {
        const item = document.createElement('li');
        const about = document.createElement('span');
        about.className = 'about';
        about.textContent = person.about ? ` ${person.about}` : '';
        item.append(person.name, about);
        return item;
      }),
    );
  }

  async function ask() {
    asked += 1;
    const mine = asked;
    try {
      const response = await fetch(box.dataset.rulePreview, {
        method: 'POST',
        headers: { 'X-CSRFToken': csrf },
        body: new URLSearchParams({ rule: rule.value }),
      });
      if (mine === asked && response.ok) show(await response.json());
    } catch {
      // Offline: the last count stays; saving checks the rule all the same.
    }
  }

  rule.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 300);
  });
  for (const button of document.querySelectorAll('[data-rule-example]')) {
    button.addEventListener('click', () => {
      rule.value = button.dataset.ruleExample;
      rule.dispatchEvent(new Event('input', { bubbles: true }));
      rule.focus();
    });
  }
  ask();
})();
