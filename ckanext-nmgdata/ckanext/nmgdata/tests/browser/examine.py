"""What every page of the portal must keep, read from the page as a browser shows it."""

from __future__ import annotations

from playwright.sync_api import Page

from . import english

NARROW, ZOOMED, WIDE = 320, 640, 1280
"""Widths in CSS pixels: a small telephone, a desktop at 200 %, a desktop."""
HEIGHT = 900

FAULTS = """() => {
  const faults = [];
  const headings = document.querySelectorAll('h1').length;
  if (headings !== 1) faults.push(headings + ' headings of the first level');
  const parts = document.querySelectorAll('main, [role=main]').length;
  if (parts !== 1) faults.push(parts + ' main parts');
  if (!/^zh\\b/.test(document.documentElement.lang)) faults.push('language ' + document.documentElement.lang);
  if (!document.title.trim()) faults.push('no title');
  const text = id => (document.getElementById(id) || {textContent: ''}).textContent;
  const named = e => (e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(/\\s+/)
    .map(text).join('') || [...(e.labels || [])].map(l => l.textContent).join('') || e.title || '').trim();
  const start = e => e.outerHTML.slice(0, 160);
  const kinds = ['hidden', 'submit', 'button', 'reset'];
  for (const e of document.querySelectorAll('input, select, textarea'))
    if (!kinds.includes(e.type) && !named(e)) faults.push('no label: ' + start(e));
  for (const e of document.querySelectorAll('a[href], button, summary'))
    if (!named(e) && !e.textContent.trim() && !e.querySelector('img[alt]:not([alt=""])')) faults.push('no words: ' + start(e));
  for (const e of document.querySelectorAll('img:not([alt]), iframe:not([title])')) faults.push('no name: ' + start(e));
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) faults.push('id twice: ' + id);
  for (const attribute of ['aria-describedby', 'aria-labelledby', 'for'])
    for (const e of document.querySelectorAll('[' + attribute + ']'))
      for (const id of e.getAttribute(attribute).trim().split(/\\s+/))
        if (!document.getElementById(id)) faults.push(attribute + ' leads nowhere: ' + id);
  for (const e of document.querySelectorAll('a[href^="#"]'))
    if (e.hash.length > 1 && !document.getElementById(e.hash.slice(1))) faults.push('dead anchor: ' + start(e));
  return faults;
}"""

WIDER = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > room + 1)
    .map(e => e.outerHTML.slice(0, 100)).slice(0, 5);
}"""

TEXT = """() => {
  const said = [document.title], skip = 'script, style, code, [lang=en], .nmg-given';
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest(skip + (parent.closest('noscript') ? ', noscript' : ''))) said.push(walker.currentNode.data);
  }
  for (const e of document.querySelectorAll('*'))
    for (const name of ['placeholder', 'title', 'alt', 'aria-label', 'data-module-content', 'data-label'])
      if (e.hasAttribute(name) && !e.closest(skip)) said.push(e.getAttribute(name));
  for (const e of document.querySelectorAll('[type=submit][value], [type=button][value]')) if (e.tagName == 'INPUT') said.push(e.value);
  for (const e of document.querySelectorAll('meta[name=description]')) said.push(e.content);
  return said.map(text => text.replace(/\\s+/g, ' ').trim()).filter(text => text).join('\\n');
}"""


def examine(page: Page) -> list[str]:
    """Return everything that is wrong with a page, one line each."""
    faults = list(page.evaluate(FAULTS))
    for width in (NARROW, ZOOMED, WIDE):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        faults += [f"too wide at {width} px: {start}" for start in page.evaluate(WIDER)]
    faults += [f"English: {line}" for line in english.lines(page.evaluate(TEXT))]
    return faults
