// What stands in a page that has no business there, in words. `tests/browser/test_hostile_pages.py` runs it.
() => {
  const found = [], all = [...document.querySelectorAll("*")];
  if (window.ran) found.push(`${window.ran} scripts ran`);
  found.push(...window.violations.map((it) => `violation: ${it}`));
  const foreign = "iframe, object, embed, base, math, foreignObject, animate, link:not(head *), meta:not(head *), " +
    "style, script:not(head *), template, hx-partial, audio, video, frame, portal, fencedframe";
  for (const it of document.querySelectorAll(foreign)) found.push(`<${it.localName}>`);
  const ours = ["hx-boost", "hx-target", "hx-swap", "hx-select", "hx-push-url", "hx-sync", "hx-ignore"];
  for (const it of all) for (const { name, value } of it.attributes) {
    const own = name === "style" && it.closest("[popover], textarea");
    if (/^on|^srcdoc$|^xlink|^background$/.test(name) || (name === "style" && !own)) found.push(`${it.localName} ${name}`);
    const fetched = it.id === "beside" && it.localName === "div" && /^hx-(get|trigger)$/.test(name);
    if (/^(data-)?hx-/.test(name) && !ours.includes(name) && !fetched) found.push(`${it.localName} ${name}`);
    if (/^(href|action|formaction)$/.test(name) && !/^[/#]|^$/.test(value)) found.push(`${name}=${value}`);
    if (/^(href|action|formaction)$/.test(name) && /^\/[/\\]/.test(value)) found.push(`${name}=${value}`);
    if (name === "src" && !/^\/static\/|^data:image\/(png|jpeg|gif|webp);base64,|^\/p\/hostile\/items\/[0-9a-f-]{36}\/media\/[0-9a-f]{32}$/.test(value)) found.push(`src=${value}`);
  }
  for (const it of document.querySelectorAll("[hx-ignore] [id], [hx-ignore] [name], [hx-ignore] form, [hx-ignore] a"))
    found.push(`<${it.localName}> within what somebody else wrote`);
  const seen = new Set(all.map((it) => it.id).filter(Boolean));
  if (seen.size !== all.filter((it) => it.id).length) found.push("an id stands twice");
  const unseen = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\u{e0000}-\u{e0fff}]|\p{M}{5}/u;
  const texts = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const it = texts.currentNode;
    if (unseen.test(it.data) && !it.parentElement.closest("textarea")) found.push(`unseen: ${JSON.stringify(it.data.slice(0, 80))}`);
    if (/[\u0590-\u08ff]/.test(it.data) && !it.parentElement.closest("bdi, textarea, title, option, .markdown")) found.push(`not isolated: ${it.data.slice(0, 80)}`);
  }
  for (const it of all) for (const name of ["title", "aria-label", "alt", "placeholder"])
    if (unseen.test(it.getAttribute(name) || "")) found.push(`unseen in ${name}`);
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth + 1) {
    const wide = all.filter((it) => it.getBoundingClientRect().right > root.clientWidth + 1 && !it.closest(".scroll, pre"));
    found.push(`${root.scrollWidth - root.clientWidth} px too wide: ` + wide.slice(-3).map((it) => `${it.localName}.${it.className}`).join(" "));
  }
  return found;
}
