// Lays the cells of each section out on slides of 1280 x 720, then starts reveal.js.
'use strict';

const SIZE = 26;       // pixels of prose
const TIGHT = 0.85;    // share of SIZE at which another slide begins
const LEAST = 0.6;     // share of SIZE below which a slide is scrolled instead
const LEGIBLE = 0.9;   // share of its own size that a figure should have
const WIDE = 1180, HIGH = 590, TALL = 660, BESIDE = 760;  // room of a figure, in pixels
const OUTPUT = '.code, pre, .figure';
const QUESTION = /Predict|\?["')]*\s*$/;

const make = (name) => Object.assign(document.createElement('div'), {className: name});
const is = (block, selector) => Boolean(block) && block.matches(selector);
const ownSize = (image) => Math.min(WIDE / image.naturalWidth, HIGH / image.naturalHeight);
const scaleOf = (image) => Math.min(
  image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);

// The blocks of a section in order: paragraphs, lists, tables, code, printed text, figures, notes.
function blocksOf(section) {
  for (const fragment of section.querySelectorAll(':scope > .fragment')) {
    for (const part of fragment.children) part.classList.add('fragment');
    fragment.replaceWith(...fragment.children);
  }
  const cells = [...section.children].filter((part) => !is(part, 'aside'));
  return [...section.children].flatMap((cell) => {
    if (!is(cell, '.prose')) return [cell];
    const above = cells[cells.indexOf(cell) - 1], below = cells[cells.indexOf(cell) + 1];
    const blocks = [...cell.children], last = blocks.at(-1), leads = below && !is(below, '.prose');
    if (cell.matches('.fragment')) blocks.forEach((block) => block.classList.add('fragment'));
    // Words that lead to code open a slide, unless they read the output above; then the last does.
    last.asks = leads && QUESTION.test(last.textContent);
    if (leads && !is(above, '.figure, pre')) blocks[0].opens = true;
    else if (leads && !(last.asks && blocks.length === 1)) last.opens = true;
    return blocks;
  });
}

function render(page, beside) {
  const figure = page.blocks.find((block) => is(block, '.figure'));
  page.body.classList.toggle('beside', beside);
  if (figure) figure.style.width = '';
  if (!beside) return page.body.replaceChildren(...page.blocks);
  const words = make('words'), image = figure.querySelector('img');
  words.append(...page.blocks.filter((block) => block !== figure));
  const high = page.matches('.tall') ? TALL : HIGH;
  figure.style.width = `${Math.min(BESIDE, high * image.naturalWidth / image.naturalHeight)}px`;
  page.body.replaceChildren(figure, words);
}

function overflows(page) {
  const edge = page.body.getBoundingClientRect();
  return [...page.querySelectorAll('.body > *, .words, .words > *, pre, table, mi, mo, mn')].some((part) => {
    const box = part.getBoundingClientRect();
    return box.bottom > edge.bottom + 1 || box.right > edge.right + 1
      || is(part, 'pre') && part.scrollWidth > part.clientWidth + 2;
  });
}

// Whether a page's blocks can be read at a size: in a column, or as words beside one figure.
function fits(page, size, anyFigure = false) {
  page.style.fontSize = `${SIZE * size}px`;
  const images = page.blocks.flatMap((block) => [...block.querySelectorAll('.figure > img')]);
  const proseOnly = page.blocks.every((block) => !is(block, '.code, pre'));
  return [false, true].some((beside) => {
    if (beside && (images.length !== 1 || page.blocks.length === 1 || !proseOnly)) return false;
    render(page, beside);
    return !overflows(page) && (anyFigure || images.every(
      (image) => scaleOf(image) >= Math.min(LEGIBLE, 0.95 * ownSize(image))));
  });
}

// Writes what there is as large as fits.
function settle(page) {
  const image = page.blocks.find((block) => is(block, '.picture'))?.querySelector('img');
  page.classList.toggle('question', page.blocks.length === 1 && Boolean(page.blocks[0].asks));
  page.classList.toggle('tall', is(page.blocks[0], '.picture') && ownSize(image) < 0.8);
  const most = page.matches('.question') ? 1.5 : image ? 1 : 1.3;
  for (let size = most; size >= LEAST; size -= 0.02) {
    if (fits(page, size, size < TIGHT)) return;
  }
  render(page, false);
  page.body.style.overflow = 'auto';
}

function newPage(stage, heading) {
  const page = make('page');
  page.body = make('body');
  page.blocks = [];
  page.notes = [];
  page.append(heading.cloneNode(true), page.body);
  stage.append(page);
  return page;
}

function asTitle(block) {
  const title = document.createElement('h2');
  title.append(...block.childNodes);
  return title;
}

function fitsWith(page, blocks, size = TIGHT) {
  page.blocks.push(...blocks);
  const fit = fits(page, size);
  page.blocks.length -= blocks.length;
  return fit;
}

// A figure with the words below that read it; any other block alone.
function group(blocks, at) {
  const reads = (block) => is(block, 'aside, p, ul, ol, blockquote, .figure') && !block.opens;
  let end = at + 1;
  while (is(blocks[at], '.figure') && end < blocks.length && reads(blocks[end])) end += 1;
  return blocks.slice(at, end).filter((block) => !is(block, 'aside'));
}

// Cuts a section into pages; returns them and the heading that goes on.
function pagesOf(section, stage, heading) {
  const pages = [], blocks = blocksOf(section);
  const begin = () => {
    pages.push(newPage(stage, heading));
    heading = asTitle(heading.cloneNode(true));  // smaller on the pages that follow
    return pages.at(-1);
  };
  blocks.forEach((block, at) => {
    let page = pages.at(-1);
    if (is(block, 'aside')) return (page || begin()).notes.push(...block.childNodes);
    const last = page && page.blocks.at(-1);
    if (is(block, 'h1, h2, h3')) {
      heading = is(block, 'h3') ? asTitle(block) : block;
      if (page && !last) pages.pop().remove();
      return begin();
    }
    page = page || begin();
    if (last && (block.opens || last.asks || block.asks && !is(last, '.figure'))) page = begin();
    else if (last) {
      const short = is(block, 'pre') && is(last, '.code') && block.textContent.split('\n').length < 5;
      const size = short ? 0.8 : [...page.blocks, block].some((b) => is(b, OUTPUT)) ? TIGHT : 0.95;
      const together = group(blocks, at), alone = fitsWith(page, [block], size);
      if (!alone || together.length > 1 && !fitsWith(page, together)) {
        const fresh = begin(), colon = is(last, 'p') && /:\s*$/.test(last.textContent);
        const prints = is(block, 'pre') && is(last, '.code');
        if (alone && !fitsWith(fresh, together)) pages.pop().remove();
        else {
          if ((colon || prints) && page.blocks.length > 1) fresh.blocks.push(page.blocks.pop());
          page = fresh;
        }
      }
    }
    page.blocks.push(block);
  });
  pages.forEach(settle);
  return [pages, heading];
}

function layOut() {
  for (const figure of document.querySelectorAll('.figure')) {
    const images = figure.querySelectorAll('img');
    if (!images.length) continue;
    for (const image of images) ['style', 'width', 'height'].forEach((x) => image.removeAttribute(x));
    figure.style.setProperty('--share', images[0].naturalHeight);
    figure.classList.add('picture');
    figure.replaceChildren(...images);
  }
  for (const text of document.querySelectorAll('pre.text')) {
    const longest = Math.max(...text.textContent.split('\n').map((line) => line.length));
    text.classList.toggle('wrapped', longest > 105);
  }
  const stage = document.body.appendChild(make('stage'));
  let heading = document.createElement('h2');
  for (const section of document.querySelectorAll('.slides section section')) {
    const [pages, last] = pagesOf(section, stage, heading);
    heading = last;
    section.replaceWith(...pages.map((page) => {
      const slide = document.createElement('section'), foot = make('foot');
      foot.textContent = document.title;
      slide.append(page, foot);
      if (page.notes.length) {
        const notes = document.createElement('aside');
        notes.className = 'notes';
        notes.append(...page.notes);
        slide.append(notes);
      }
      return slide;
    }));
  }
  stage.remove();
}

// For --check: what a lecturer would see on each slide.
function problems() {
  return Reveal.getSlides().map((slide) => {
    const at = Reveal.getIndices(slide);
    Reveal.slide(at.h, at.v);
    const page = slide.querySelector('.page'), images = [...page.querySelectorAll('.picture > img')];
    return {
      title: page.firstChild.textContent, outside: overflows(page),
      prose: parseFloat(page.style.fontSize),
      broken: images.some((image) => !image.naturalWidth),
      figure: images.length ? Math.min(...images.map(scaleOf)) : null,
    };
  });
}

window.addEventListener('load', async () => {
  layOut();
  await Reveal.initialize({
    width: 1280, height: 720, margin: 0, center: false, hash: true, controls: false,
    slideNumber: 'c/t', transition: 'none', backgroundTransition: 'none',
    navigationMode: 'linear', pdfSeparateFragments: false, plugins: [RevealNotes],
  });
  if (!location.search.includes('check')) return;
  const script = document.createElement('script');
  Object.assign(script, {type: 'application/json', id: 'checked'});
  script.textContent = JSON.stringify(problems());
  document.body.append(script);
});
