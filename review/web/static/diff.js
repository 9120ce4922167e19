// Where two texts differ, word by word. review/web/forms/wordwise.py does the same on the server.
const LONG = 20000, MAX_EDITS = 200, MOST_EQUAL = 24, AROUND = 10, MOST_SHOWN = 60;
const WORD = "[0-9A-Za-z_\\u00aa\\u00b5\\u00ba\\u00c0-\\u1fff\\u2c00-\\u2dff\\ua000-\\ud7ff\\ufb1d-\\ufdff\\ufe70-\\ufefc]";
const TOKEN = new RegExp(`${WORD}{1,64}|[\\t-\\r ]{1,64}|.`, "gsu"), HAS_WORD = new RegExp(WORD, "u"), SPACE = /[\t-\r ]/;
const words = (text) => text.match(TOKEN) || [];
const around = (before, after) => {
  const most = Math.min(before.length, after.length);
  let start = 0, end = 0;
  while (start < most && before[start] === after[start]) start += 1;
  while (start && !SPACE.test(before[start - 1])) start -= 1;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  while (end && !SPACE.test(before[before.length - end])) end -= 1;
  return [start, end];
};
// The fewest words to take out and put in (Myers, 1986).
const edits = (before, after) => {
  const trail = [], reach = { 1: 0 };
  const isDown = (reach, line, n) => line === -n || (line !== n && reach[line - 1] < reach[line + 1]);
  for (let n = 0; n <= MAX_EDITS; n += 1) {
    trail.push({ ...reach });
    for (let line = -n; line <= n; line += 2) {
      let x = isDown(reach, line, n) ? reach[line + 1] : reach[line - 1] + 1;
      while (x < before.length && x - line < after.length && before[x] === after[x - line]) x += 1;
      reach[line] = x;
      if (x >= before.length && x - line >= after.length) return walkBack(before, after, trail, isDown);
    }
  }
  return null;
};
const walkBack = (before, after, trail, isDown) => {
  const script = [];
  let x = before.length, y = after.length;
  for (let n = trail.length - 1; n >= 0; n -= 1) {
    const reach = trail[n], line = x - y, down = isDown(reach, line, n), came = down ? line + 1 : line - 1, from = reach[came];
    while (x > Math.max(from, 0) && y > Math.max(from - came, 0)) { x -= 1; y -= 1; script.push(["=", before[x]]); }
    if (n) { x = from; y = from - came; script.push(down ? ["+", after[y]] : ["-", before[x]]); }
  }
  return script.reverse();
};
const joined = (script) => {
  const found = [];
  let same = [], gone = [], come = [];
  for (const [kind, word] of [...script, ["=", ""]]) {
    if (kind === "=") {
      if (gone.length || come.length) {
        found.push(...[["=", same], ["-", gone], ["+", come]].filter(([, each]) => each.length));
        same = []; gone = []; come = [];
      }
      same.push(word);
    } else (kind === "-" ? gone : come).push(word);
  }
  if (same.some(Boolean)) found.push(["=", same]);
  return found;
};
const shortened = (kind, all, first, last) => {
  if (kind !== "=") return all.length <= MOST_SHOWN ? all.join("") : `${all.slice(0, MOST_SHOWN).join("")} …`;
  if (all.length <= MOST_EQUAL) return all.join("");
  return `${first ? "" : all.slice(0, AROUND).join("")} … ${last ? "" : all.slice(-AROUND).join("")}`;
};
// What stayed, went and came, in order; null where words tell less than both texts side by side.
const apart = (before, after) => {
  if (!SPACE.test(before) || !SPACE.test(after)) return null;
  let head = false, tail = false;
  if (Math.max(before.length, after.length) > LONG) {
    const [start, end] = around(before, after);
    head = start > 0; tail = end > 0;
    before = before.slice(start, before.length - end); after = after.slice(start, after.length - end);
    if (Math.max(before.length, after.length) > LONG) return null;
  }
  const script = edits(words(before), words(after));
  if (!script) return null;
  const pieces = joined(script);
  if (!head && !tail && !pieces.some(([kind, all]) => kind === "=" && HAS_WORD.test(all.join("")))) return null;
  const shown = pieces.map(([kind, all], at) => [kind, shortened(kind, all, at === 0, at === pieces.length - 1)]);
  return [...(head ? [["=", "… "]] : []), ...shown, ...(tail ? [["=", " …"]] : [])];
};
const beginning = (text) => {
  const some = words(text.slice(0, 4000));
  return some.length <= MOST_SHOWN && text.length <= 4000 ? text : `${some.slice(0, MOST_SHOWN).join("")} …`;
};

// What the eye cannot see is written out, as the server does.
const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]|(?<=[\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f])|(?<=\p{M}{4})\p{M}+/gu;
const reveal = (text) => text.replace(/\r\n/g, "\n").replace(HIDDEN, (it) => `⟨U+${it.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
const element = (name, attributes = {}, ...inside) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
};
const side = (name, text) => (text ? element(name, {}, element("bdi", {}, reveal(beginning(text)))) : element("span", { class: "soft" }, "nothing"));
// One line of what was changed: as the component diff.html has it.
const entry = ({ label, was, is, pieces, name, url }) => {
  const both = pieces
    ? [element("bdi", { class: "words" }, ...pieces.map(([kind, text]) => (kind === "=" ? reveal(text) : element(kind === "-" ? "del" : "ins", {}, reveal(text)))))]
    : [side("del", was), " → ", side("ins", is)];
  const back = element("button", { type: "submit", class: "quiet", name: "_take", value: name, formaction: url, formnovalidate: "" }, globalThis.countersign.say("Take back"), element("span", { class: "unread" }, " ", element("bdi", {}, reveal(label))));
  return element("div", { "data-of": name }, element("dt", {}, element("bdi", {}, reveal(label))), element("dd", {}, ...both, " ", back));
};
Object.assign(globalThis.countersign, { apart, element, entry, reveal });
