/* Runs in the page of a live explorer or of the studio. */
const begin = box => {
  let last = null, stopping = null;
  const all = (what, act) => box.querySelectorAll(what).forEach(act);
  const set = (e, key, value) => { if (e.getAttribute(key) !== value) e.setAttribute(key, value); };

  /* Name for screen readers what ipywidgets leaves without a name. */
  const name = () => {
    all('.noUi-handle, .ui-slider-handle, .widget-readout', e => {
      const row = e.closest('.widget-inline-hbox'), label = row && row.querySelector('label');
      if (label) set(e, 'aria-label', label.textContent);
    });
    /* The upload button counts its files, but it is emptied each time: the count is always 0. */
    all('.widget-upload', e => {
      const text = e.lastChild, count = / [(][0-9]+[)]$/;
      if (text && count.test(text.data)) text.data = text.data.replace(count, '');
    });
    all('.cnnvis-status', e => set(e, 'role', 'status'));
    all('.progress', e => {
      set(e, 'role', 'progressbar');
      set(e, 'aria-label', 'Progress');
      const bar = e.querySelector('.progress-bar');
      if (bar) set(e, 'aria-valuenow', String(parseInt(bar.style.width) || 0));
    });
    /* Stop disappears when the work ends: the focus returns to the control before it. */
    if (stopping && stopping.disabled) {
      const now = document.activeElement, left = now === stopping || now.contains(box);
      stopping = null;
      if (left && last && last.isConnected) last.focus();
    }
  };

  /* A class menu shows only the classes that match its text: empty it, so that all are shown. */
  const search = event => event.target.matches('input[list]') ? event.target : null;
  const listed = field => [...field.list.options].some(each => each.value === field.value);
  const clear = field => { field.placeholder = field.value; field.value = ''; };
  box.addEventListener('focusin', event => {
    /* An arrow key means "next cell" to JupyterLab, and some letters delete a cell. */
    event.target.setAttribute('data-lm-suppress-shortcuts', 'true');
    stopping = event.target.closest('.cnnvis-stop');
    if (!stopping) last = event.target;
    if (search(event)) clear(search(event));
  });
  box.addEventListener('focusout', event => {
    const field = search(event);
    if (field && !field.value) field.value = field.placeholder;
  });
  box.addEventListener('click', event => {
    const field = search(event), copy = event.target.closest('.cnnvis-copy');
    if (field && listed(field)) clear(field);
    if (field && field.showPicker) field.showPicker();
    if (copy) copied(copy);
  });
  /* A choice from the list counts at once, not only when the field is left. */
  box.addEventListener('input', event => {
    const field = search(event), typed = (event.inputType || '').match(/insertText|delete/);
    if (field && !typed && listed(field))
      field.dispatchEvent(new Event('change', {bubbles: true}));
  });

  const copied = async button => {
    try {
      await navigator.clipboard.writeText(button.dataset.code);
    } catch {  /* without https */
      const text = document.createElement('textarea');
      text.value = button.dataset.code;
      button.after(text);
      text.select();
      document.execCommand('copy');
      text.remove();
      button.focus();
    }
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy the code'; }, 1500);
  };

  new MutationObserver(name).observe(box, {subtree: true, childList: true, characterData: true,
    attributes: true, attributeFilter: ['style', 'disabled']});
  name();
};
const find = left => {
  const box = this.closest('.NAME-live');
  if (box) begin(box); else if (left) setTimeout(find, 50, left - 1);
};
find(100);
