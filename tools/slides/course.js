// Starts a deck, and keeps every slide inside its edges.
'use strict';

const SIZE = 26;      // pixels of prose, as in course.css
const FOOT = 34;      // pixels at the bottom and the right that stay free
const READABLE = 14;  // pixels of the writing in a figure, as in slide_figures.py

// How large the smallest writing of a figure is on its slide, in pixels.
function writingOf(image) {
  const scale = Math.min(image.clientWidth / image.naturalWidth,
    image.clientHeight / image.naturalHeight);
  return scale * parseFloat(image.dataset.writing);
}

function overflows(page) {
  const edge = page.getBoundingClientRect(), scale = edge.width / page.offsetWidth;
  const foot = page.classList.contains('tall') ? 6 : FOOT;
  const floor = edge.bottom - foot * scale, wall = edge.right - FOOT * scale;
  if (page.scrollHeight > page.clientHeight + 1) return true;
  return [...page.querySelectorAll(':scope > *, .words, pre, table, math, mi, mo, img')].some((part) => {
    const box = part.getBoundingClientRect();
    return box.bottom > floor + 1 || box.right > wall + 1 || part.scrollWidth > part.clientWidth + 2
      && part.tagName === 'PRE';
  });
}

function fit(slide) {
  const page = slide && slide.querySelector(':scope > .page');
  if (!page || page.dataset.fitted) return;
  const figures = [...page.querySelectorAll('.figure img')];
  // A slide with little on it is written larger, one with too much smaller.
  const alone = page.classList.contains('question') ? 1.5 : 1.3;
  for (let size = SIZE * (figures.length ? 1 : alone); size >= SIZE * 0.6; size -= 0.5) {
    page.style.fontSize = size + 'px';
    const seen = size <= SIZE * 0.85 || figures.every((image) => writingOf(image) >= READABLE);
    if (!overflows(page) && seen) break;
  }
  page.dataset.fitted = page.style.fontSize;
}

function problems() {
  // For tests: what runs over an edge, and the smallest writing of each slide, in pixels.
  const found = [];
  for (const slide of Reveal.getSlides()) {
    const at = Reveal.getIndices(slide);
    Reveal.slide(at.h, at.v);
    fit(slide);
    const page = slide.querySelector(':scope > .page'), edge = page.getBoundingClientRect();
    const scale = edge.width / page.offsetWidth;
    let smallest = Infinity, outside = overflows(page) ? 'page ' : '';
    for (const part of page.querySelectorAll('p, li, td, th, pre, code, span, mi, mn, mo, img')) {
      const box = part.getBoundingClientRect();
      if (!box.width) continue;
      if (box.right > edge.right + 1 || box.bottom > edge.bottom + 1 || box.top < edge.top - 1)
        outside += part.tagName + ' ';
      const text = part.tagName !== 'IMG' && !part.closest('math');
      if (text) smallest = Math.min(smallest, parseFloat(getComputedStyle(part).fontSize));
    }
    const figures = [...page.querySelectorAll('.figure img')];
    found.push({
      slide: at.h + '/' + (at.v || 0), title: page.querySelector('h1, h2').textContent, outside,
      smallest: smallest === Infinity ? null : smallest, prose: parseFloat(page.style.fontSize),
      figure: figures.length ? Math.min(...figures.map(writingOf)) : null,
      broken: figures.filter((i) => !i.complete || !i.naturalWidth).length,
    });
  }
  return found;
}

function startDeck(options) {
  const plugins = window.RevealNotes ? [RevealNotes] : [];
  Reveal.on('ready', (event) => fit(event.currentSlide));
  Reveal.on('slidechanged', (event) => fit(event.currentSlide));
  const ready = Reveal.initialize({...options, plugins});
  if (!location.search.includes('check')) return;
  const loaded = new Promise((done) => window.addEventListener('load', done));
  Promise.all([ready, loaded]).then(() => {
    const told = document.createElement('script');
    told.type = 'application/json';
    told.id = 'checked';
    told.textContent = JSON.stringify(problems());
    document.body.append(told);
  });
}
